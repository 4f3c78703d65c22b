#include "services/teacher/models.h"

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/base/status.h"
#include "common/chat/local_chat_model.h"
#include "common/lm/model_cache.h"

namespace foundry::teacher {
namespace {

lm::LoadOptions LoadFor(const LocalUse& use, lm::ComputeType compute) {
  lm::LoadOptions options;
  options.device = use.use_gpu == "true" ? "cuda" : use.use_gpu == "false" ? "cpu" : "auto";
  options.compute = compute;
  return options;
}

}  // namespace

ModelAccess CachedModels(std::shared_ptr<lm::ModelCache> cache) {
  ModelAccess access;
  access.open_chat = [cache](
                         const std::string& name,
                         const LocalUse& use) -> absl::StatusOr<std::shared_ptr<chat::ChatModel>> {
    FOUNDRY_ASSIGN_OR_RETURN(auto model,
                             cache->LanguageModel(name, LoadFor(use, lm::ComputeType::kFloat32)));
    chat::LocalChatOptions options;
    options.batch_size = use.batch_size;
    options.context_window = use.context_window;
    return chat::MakeLocalChatModel(std::move(model), name, options);
  };
  access.open_embedder = [cache](const std::string& name,
                                 const LocalUse& use) -> absl::StatusOr<EmbedFunction> {
    FOUNDRY_ASSIGN_OR_RETURN(auto embedder,
                             cache->Embedder(name, LoadFor(use, lm::ComputeType::kFloat32)));
    return EmbedFunction([embedder](absl::Span<const std::string> texts)
                             -> absl::StatusOr<std::vector<std::vector<float>>> {
      FOUNDRY_ASSIGN_OR_RETURN(const lm::FloatMatrix matrix, embedder->Embed(texts));
      std::vector<std::vector<float>> rows;
      for (int64_t i = 0; i < matrix.rows; ++i) {
        rows.emplace_back(matrix.row(i), matrix.row(i) + matrix.cols);
      }
      return rows;
    });
  };
  return access;
}

}  // namespace foundry::teacher
