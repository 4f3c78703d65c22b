// Models of one process, loaded once and shared.
//
// Thread-safe. Callers that ask for the same model at the same time wait for one load. The most
// recently used models are kept; one that falls out lives on as long as somebody holds it. A model
// whose files were replaced is loaded anew.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/lm/embedder.h"
#include "common/lm/language_model.h"
#include "common/lm/model_path.h"
#include "common/lm/types.h"

namespace foundry::lm {

struct ModelCacheOptions {
  size_t language_models = 3;  // kept at most
  size_t embedders = 2;
};

class ModelCache {
 public:
  explicit ModelCache(const ModelCacheOptions& options = {});
  ~ModelCache();

  // `name` as for ResolveModel. The same model with another adapter, device or compute type is
  // another model.
  absl::StatusOr<std::shared_ptr<lm::LanguageModel>> LanguageModel(absl::string_view name,
                                                                   const LoadOptions& options = {});
  absl::StatusOr<std::shared_ptr<lm::Embedder>> Embedder(absl::string_view name,
                                                         const LoadOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace foundry::lm
