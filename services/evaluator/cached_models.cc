#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/chat/local_chat_model.h"
#include "common/lm/model_cache.h"
#include "services/evaluator/models.h"

namespace foundry::evaluator {
namespace {

lm::LoadOptions OptionsOf(const ModelChoice& choice) {
  lm::LoadOptions options;
  options.device = choice.use_gpu == "true" ? "cuda" : choice.use_gpu == "false" ? "cpu" : "auto";
  options.compute = lm::ComputeType::kFloat32;
  options.adapter = choice.adapter;
  return options;
}

absl::StatusOr<TextNll> NllOf(const lm::LanguageModel& model, const std::string& text) {
  const std::vector<int32_t> ids =
      model.tokenizer().Encode(text, {.add_special = false, .parse_special = false});
  if (ids.size() < 2) return TextNll{};
  FOUNDRY_ASSIGN_OR_RETURN(const double mean, model.MeanNll(ids));
  const auto predicted = static_cast<int64_t>(ids.size()) - 1;
  return TextNll{mean * predicted, predicted};
}

absl::StatusOr<OpenedModel> OpenModel(lm::ModelCache& cache, const ModelChoice& choice) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::shared_ptr<lm::LanguageModel> model,
                           cache.LanguageModel(choice.model, OptionsOf(choice)));
  chat::LocalChatOptions options;
  options.batch_size = choice.batch_size;
  OpenedModel opened;
  FOUNDRY_ASSIGN_OR_RETURN(opened.chat, chat::MakeLocalChatModel(model, choice.model, options));
  opened.nll = [model](const std::string& text) { return NllOf(*model, text); };
  return opened;
}

absl::StatusOr<EmbedTexts> OpenEmbedder(lm::ModelCache& cache, const ModelChoice& choice) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::shared_ptr<lm::Embedder> embedder,
                           cache.Embedder(choice.model, OptionsOf(choice)));
  return EmbedTexts(
      [embedder](absl::Span<const std::string> texts) { return embedder->Embed(texts); });
}

}  // namespace

ModelAccess CachedModels(std::shared_ptr<lm::ModelCache> cache) {
  ModelAccess access;
  access.open_model = [cache](const ModelChoice& choice) { return OpenModel(*cache, choice); };
  access.open_embedder = [cache](const ModelChoice& choice) {
    return OpenEmbedder(*cache, choice);
  };
  return access;
}

}  // namespace foundry::evaluator
