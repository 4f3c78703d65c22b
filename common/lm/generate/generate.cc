// LanguageModel::Generate: what is asked of it is checked here.
#include <cmath>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/lm/generate/batch.h"
#include "common/lm/language_model.h"
#include "common/lm/language_model_impl.h"
#include "common/lm/torch_guard.h"

namespace foundry::lm {
namespace {

absl::Status CheckRequest(const GenerateRequest& r, const ModelConfig& config) {
  if (r.prompt.empty()) return absl::InvalidArgumentError("the prompt has no tokens");
  for (const int32_t id : r.prompt) {
    if (id < 0 || id >= config.vocab_size) {
      return absl::InvalidArgumentError(
          absl::StrCat("token id ", id, " is outside the vocabulary of ", config.vocab_size));
    }
  }
  if (static_cast<int64_t>(r.prompt.size()) >= config.max_positions) {
    return absl::InvalidArgumentError(absl::StrCat("the prompt's ", r.prompt.size(),
                                                   " tokens leave no room for an answer in the "
                                                   "model's ",
                                                   config.max_positions, " positions: shorten it"));
  }
  if (r.max_new_tokens < 1) return absl::InvalidArgumentError("max_new_tokens must be positive");
  if (r.min_new_tokens < 0 || r.min_new_tokens > r.max_new_tokens) {
    return absl::InvalidArgumentError("min_new_tokens must be from 0 to max_new_tokens");
  }
  if (!std::isfinite(r.temperature) || r.temperature < 0) {
    return absl::InvalidArgumentError("temperature must be 0 or more");
  }
  if (!(r.top_p > 0 && r.top_p <= 1)) {
    return absl::InvalidArgumentError("top_p must be above 0 and at most 1");
  }
  if (r.top_k < 0) return absl::InvalidArgumentError("top_k must be 0 (all) or more");
  if (!std::isfinite(r.repetition_penalty) || r.repetition_penalty <= 0) {
    return absl::InvalidArgumentError("repetition_penalty must be positive");
  }
  for (const std::string& stop : r.stop) {
    if (stop.empty()) return absl::InvalidArgumentError("a stop string is empty");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<GenerateResult>> LanguageModel::Generate(
    absl::Span<const GenerateRequest> requests, const GenerateOptions& options) const {
  for (size_t i = 0; i < requests.size(); ++i) {
    const absl::Status status = CheckRequest(requests[i], config());
    if (!status.ok()) {
      return requests.size() == 1 ? status : Annotate(status, absl::StrCat("request ", i + 1));
    }
  }
  EndTokens end;
  end.ids = config().eos_ids;
  if (const auto eos = tokenizer().eos_id()) end.ids.push_back(*eos);
  if (chat_template() != nullptr) {
    const auto turn = tokenizer().TokenId(chat_template()->end_token());
    if (turn.has_value()) end.ids.push_back(*turn);
  }
  // A tokenizer may know more tokens than the model.
  std::erase_if(end.ids, [&](int64_t id) { return id < 0 || id >= config().vocab_size; });
  const std::lock_guard lock(impl_->mutex);
  absl::StatusOr<std::vector<GenerateResult>> results;
  FOUNDRY_RETURN_IF_ERROR(GuardTorch([&]() -> absl::Status {
    const Decoder& decoder = *impl_->decoder;
    std::unique_ptr<Steps> steps = PackedSteps(decoder, &impl_->packed);
    if (steps == nullptr) steps = DecoderSteps(decoder);
    results = GenerateBatch(*steps, decoder.config(), *impl_->tokenizer, end, requests, options);
    return results.status();
  }));
  return results;
}

}  // namespace foundry::lm
