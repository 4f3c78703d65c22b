#include "common/lm/language_model.h"

#include <algorithm>
#include <exception>

#include "common/base/status.h"
#include "common/lm/language_model_impl.h"
#include "common/lm/lora/adapter.h"
#include "common/lm/loss/score_packs.h"
#include "common/lm/model/from_checkpoint.h"
#include "common/lm/torch_guard.h"
#include "common/lm/weights/checkpoint.h"

namespace foundry::lm {
namespace {

constexpr int64_t kLogitRows = 128;  // rows of logits made at once

absl::Status CheckIds(absl::Span<const int32_t> ids, const ModelConfig& config) {
  if (ids.empty()) return absl::InvalidArgumentError("no token ids");
  for (int32_t id : ids) {
    if (id < 0 || id >= config.vocab_size) {
      return absl::InvalidArgumentError(
          absl::StrCat("token id ", id, " is outside the vocabulary of ", config.vocab_size));
    }
  }
  if (static_cast<int64_t>(ids.size()) > config.max_positions) {
    return absl::InvalidArgumentError(absl::StrCat(ids.size(), " tokens exceed the model's ",
                                                   config.max_positions, " positions"));
  }
  return absl::OkStatus();
}

}  // namespace

LanguageModel::LanguageModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LanguageModel::~LanguageModel() = default;

std::unique_ptr<LanguageModel> LanguageModel::Impl::Wrap(const Impl& like,
                                                         std::shared_ptr<Decoder> decoder) {
  auto impl = std::make_unique<Impl>();
  impl->path = like.path;
  impl->decoder = std::move(decoder);
  impl->tokenizer = like.tokenizer;
  impl->chat_template = like.chat_template;
  impl->no_chat_template = like.no_chat_template;
  return std::unique_ptr<LanguageModel>(new LanguageModel(std::move(impl)));
}

absl::StatusOr<std::shared_ptr<LanguageModel>> LanguageModel::Load(
    const std::filesystem::path& path, const LoadOptions& options) {
  FOUNDRY_ASSIGN_OR_RETURN(std::shared_ptr<const Checkpoint> checkpoint, Checkpoint::Open(path));
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  auto tokenizer = tokenizer::Tokenizer::Load(path);
  if (absl::IsNotFound(tokenizer.status())) {
    impl->tokenizer = tokenizer::NoTokenizer();
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(impl->tokenizer, std::move(tokenizer));
  }
  auto chat_template = tokenizer::ChatTemplate::Load(path);
  if (chat_template.ok()) {
    impl->chat_template = *std::move(chat_template);
  } else if (absl::IsUnimplemented(chat_template.status())) {
    impl->no_chat_template = chat_template.status();
  } else if (!absl::IsNotFound(chat_template.status())) {
    return chat_template.status();
  }
  FOUNDRY_RETURN_IF_ERROR(GuardTorch([&]() -> absl::Status {
    FOUNDRY_ASSIGN_OR_RETURN(impl->decoder, DecoderFromCheckpoint(*checkpoint, options));
    if (options.adapter.empty()) return absl::OkStatus();
    FOUNDRY_ASSIGN_OR_RETURN(Adapter adapter, ReadAdapter(options.adapter, *impl->decoder));
    AttachAdapter(adapter, options.adapter_scale, *impl->decoder);
    return absl::OkStatus();
  }));
  return std::shared_ptr<LanguageModel>(new LanguageModel(std::move(impl)));
}

const ModelConfig& LanguageModel::config() const { return impl_->decoder->config(); }
const tokenizer::Tokenizer& LanguageModel::tokenizer() const { return *impl_->tokenizer; }
const tokenizer::ChatTemplate* LanguageModel::chat_template() const {
  return impl_->chat_template ? &*impl_->chat_template : nullptr;
}
const std::filesystem::path& LanguageModel::path() const { return impl_->path; }
std::string LanguageModel::device() const { return impl_->decoder->device().str(); }

absl::StatusOr<FloatMatrix> LanguageModel::Logits(absl::Span<const int32_t> ids) const {
  FOUNDRY_RETURN_IF_ERROR(CheckIds(ids, config()));
  std::lock_guard lock(impl_->mutex);
  FloatMatrix matrix;
  FOUNDRY_RETURN_IF_ERROR(GuardTorch([&] {
    const Decoder& decoder = *impl_->decoder;
    Pack pack;
    pack.Add(ids);
    at::Tensor hidden = decoder.Forward(pack);
    matrix = {hidden.size(0), decoder.config().vocab_size, {}};
    matrix.data.reserve(matrix.rows * matrix.cols);
    for (int64_t from = 0; from < hidden.size(0); from += kLogitRows) {
      at::Tensor rows = hidden.narrow(0, from, std::min(kLogitRows, hidden.size(0) - from));
      at::Tensor logits = decoder.Logits(rows).cpu().contiguous();
      const float* data = logits.const_data_ptr<float>();
      matrix.data.insert(matrix.data.end(), data, data + logits.numel());
    }
    return absl::OkStatus();
  }));
  return matrix;
}

absl::StatusOr<double> LanguageModel::MeanNll(absl::Span<const int32_t> ids) const {
  if (ids.size() < 2) return absl::InvalidArgumentError("perplexity needs at least two tokens");
  ScoreRequest request{{ids.begin(), ids.begin() + 1}, {ids.begin() + 1, ids.end()}};
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<ScoreResult> scores, Score({&request, 1}));
  return scores[0].nll / static_cast<double>(ids.size() - 1);
}

absl::StatusOr<std::vector<ScoreResult>> LanguageModel::Score(
    absl::Span<const ScoreRequest> requests) const {
  for (const ScoreRequest& request : requests) {
    if (request.target.empty()) return absl::InvalidArgumentError("a target to score is empty");
    std::vector<int32_t> all = request.context;
    all.insert(all.end(), request.target.begin(), request.target.end());
    FOUNDRY_RETURN_IF_ERROR(CheckIds(all, config()));
    if (request.context.empty()) return absl::InvalidArgumentError("a context is empty");
  }
  std::vector<ScoreResult> results(requests.size());
  std::lock_guard lock(impl_->mutex);
  FOUNDRY_RETURN_IF_ERROR(GuardTorch([&] {
    return ForScorePacks(requests, [&](const ScorePack& pack) {
      std::vector<TokenScore> scores =
          ScoreTokens(*impl_->decoder, impl_->decoder->Forward(pack.pack), pack.rows);
      size_t at = 0;
      for (size_t r : pack.requests) {
        results[r].greedy = true;
        for (size_t i = 0; i < requests[r].target.size(); ++i, ++at) {
          results[r].nll += scores[at].nll;
          results[r].greedy = results[r].greedy && scores[at].greedy;
        }
      }
      return absl::OkStatus();
    });
  }));
  return results;
}

absl::StatusOr<std::vector<int32_t>> LanguageModel::ChatPrompt(
    const std::vector<tokenizer::ChatMessage>& messages) const {
  FOUNDRY_RETURN_IF_ERROR(impl_->no_chat_template);
  if (!impl_->chat_template) {
    return absl::FailedPreconditionError(
        absl::StrCat(impl_->path.string(), " has no chat template: use a chat model"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(std::string text, impl_->chat_template->Render(messages, true));
  return impl_->tokenizer->Encode(text, {.add_special = false, .parse_special = true});
}

}  // namespace foundry::lm
