// The models of the extraction stage, out of the process's cache.
#pragma once

#include <memory>

#include "common/lm/model_cache.h"
#include "services/extraction/extraction_service.h"

namespace foundry::extraction {

ModelAccess CachedModels(std::shared_ptr<lm::ModelCache> cache);

}  // namespace foundry::extraction
