#include "services/extraction/cached_models.h"

#include "common/chat/cached.h"

namespace foundry::extraction {

ModelAccess CachedModels(std::shared_ptr<lm::ModelCache> cache) {
  ModelAccess access;
  access.open_chat = [cache](const std::string& name_or_path) {
    return chat::OpenCachedChat(*cache, name_or_path);
  };
  access.open_embedder = [cache](const std::string& name_or_path, int batch_size) {
    return chat::OpenCachedEmbedder(*cache, name_or_path, {.batch_size = batch_size});
  };
  return access;
}

}  // namespace foundry::extraction
