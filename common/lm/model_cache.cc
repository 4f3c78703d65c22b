#include "common/lm/model_cache.h"

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/lm/bounded_cache.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

// Changes when a file of the model is replaced.
std::string Stamp(const fs::path& path) {
  std::string out;
  for (const char* name : {"", "config.json", "model.safetensors", "model.safetensors.index.json",
                           "model.gguf", "adapter_model.safetensors"}) {
    const fs::path file = *name == '\0' ? path : path / name;
    std::error_code error;
    if (!fs::is_regular_file(file, error)) continue;
    absl::StrAppend(&out, "|", fs::file_size(file, error), ",",
                    fs::last_write_time(file, error).time_since_epoch().count());
  }
  return out;
}

std::string Key(const fs::path& path, const LoadOptions& options) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(path, error);
  return absl::StrCat((error ? path : canonical).string(), Stamp(path), "|", options.device, "|",
                      static_cast<int>(options.compute), "|", static_cast<int>(options.weights),
                      "|", options.adapter, options.adapter.empty() ? "" : Stamp(options.adapter),
                      "|", options.adapter_scale);
}

}  // namespace

struct ModelCache::Impl {
  BoundedCache<lm::LanguageModel> language_models;
  BoundedCache<lm::Embedder> embedders;
};

ModelCache::ModelCache(const ModelCacheOptions& options)
    : impl_(new Impl{BoundedCache<lm::LanguageModel>(options.language_models),
                     BoundedCache<lm::Embedder>(options.embedders)}) {}
ModelCache::~ModelCache() = default;

absl::StatusOr<std::shared_ptr<lm::LanguageModel>> ModelCache::LanguageModel(
    absl::string_view name, const LoadOptions& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const fs::path path, ResolveModel(name));
  return impl_->language_models.Get(Key(path, options),
                                    [&] { return lm::LanguageModel::Load(path, options); });
}

absl::StatusOr<std::shared_ptr<lm::Embedder>> ModelCache::Embedder(absl::string_view name,
                                                                   const LoadOptions& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const fs::path path, ResolveModel(name));
  return impl_->embedders.Get(Key(path, options),
                              [&] { return lm::Embedder::Load(path, options); });
}

}  // namespace foundry::lm
