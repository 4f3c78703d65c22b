#include "common/chat/cached.h"

#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/chat/local_chat_model.h"
#include "common/lm/embedder.h"
#include "common/lm/language_model.h"

namespace foundry::chat {
namespace {

lm::LoadOptions OptionsOf(const CachedUse& use) {
  lm::LoadOptions options;
  options.device = use.use_gpu == "true" ? "cuda" : use.use_gpu == "false" ? "cpu" : "auto";
  return options;
}

}  // namespace

absl::StatusOr<std::shared_ptr<ChatModel>> OpenCachedChat(lm::ModelCache& cache,
                                                          const std::string& name_or_path,
                                                          const CachedUse& use) {
  FOUNDRY_ASSIGN_OR_RETURN(std::shared_ptr<lm::LanguageModel> model,
                           cache.LanguageModel(name_or_path, OptionsOf(use)));
  LocalChatOptions options;
  options.batch_size = use.batch_size;
  options.context_window = use.context_window;
  return MakeLocalChatModel(std::move(model), name_or_path, options);
}

absl::StatusOr<text::EmbedFunction> OpenCachedEmbedder(lm::ModelCache& cache,
                                                       const std::string& name_or_path,
                                                       const CachedUse& use) {
  FOUNDRY_ASSIGN_OR_RETURN(std::shared_ptr<lm::Embedder> embedder,
                           cache.Embedder(name_or_path, OptionsOf(use)));
  return text::EmbedFunction(
      [embedder = std::move(embedder), batch = use.batch_size](
          absl::Span<const std::string> texts) -> absl::StatusOr<std::vector<std::vector<float>>> {
        FOUNDRY_ASSIGN_OR_RETURN(const lm::FloatMatrix matrix, embedder->Embed(texts, batch));
        std::vector<std::vector<float>> rows;
        rows.reserve(matrix.rows);
        for (int64_t i = 0; i < matrix.rows; ++i) {
          rows.emplace_back(matrix.row(i), matrix.row(i) + matrix.cols);
        }
        return rows;
      });
}

}  // namespace foundry::chat
