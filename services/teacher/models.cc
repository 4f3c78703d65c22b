#include "services/teacher/models.h"

#include <string>

#include "common/chat/cached.h"

namespace foundry::teacher {
namespace {

chat::CachedUse UseOf(const LocalUse& use) {
  return {
      .use_gpu = use.use_gpu, .batch_size = use.batch_size, .context_window = use.context_window};
}

}  // namespace

ModelAccess CachedModels(std::shared_ptr<lm::ModelCache> cache) {
  ModelAccess access;
  access.open_chat = [cache](const std::string& name, const LocalUse& use) {
    return chat::OpenCachedChat(*cache, name, UseOf(use));
  };
  access.open_embedder = [cache](const std::string& name, const LocalUse& use) {
    return chat::OpenCachedEmbedder(*cache, name, UseOf(use));
  };
  return access;
}

}  // namespace foundry::teacher
