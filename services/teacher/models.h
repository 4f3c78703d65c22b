// The teacher stage's models through the process's cache.
#pragma once

#include <memory>

#include "services/teacher/teacher_service.h"

namespace foundry::lm {
class ModelCache;
}

namespace foundry::teacher {

// Thread-safe; the cache lives as long as what is returned.
ModelAccess CachedModels(std::shared_ptr<lm::ModelCache> cache);

}  // namespace foundry::teacher
