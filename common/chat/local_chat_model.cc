#include "common/chat/local_chat_model.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace foundry::chat {
namespace {

class LocalChatModel : public ChatModel {
 public:
  LocalChatModel(std::shared_ptr<const lm::LanguageModel> model, std::string name,
                 const LocalChatOptions& options)
      : model_(std::move(model)), name_(std::move(name)), options_(options) {}

  const std::string& name() const override { return name_; }

  absl::StatusOr<std::vector<absl::StatusOr<ChatReply>>> Complete(
      absl::Span<const ChatRequest> requests, const CompleteOptions& options) override {
    std::vector<absl::StatusOr<ChatReply>> replies(requests.size(),
                                                   absl::CancelledError("not started"));
    std::vector<lm::GenerateRequest> batch;
    std::vector<size_t> places;
    for (size_t i = 0; i < requests.size(); ++i) {
      absl::StatusOr<lm::GenerateRequest> generate = Encode(requests[i]);
      if (generate.ok()) {
        batch.push_back(*std::move(generate));
        places.push_back(i);
      } else {
        replies[i] = generate.status();
      }
    }
    if (batch.empty()) return replies;
    lm::GenerateOptions generate_options;
    generate_options.batch_size = options_.batch_size;
    generate_options.cancel = options.cancel;
    generate_options.on_progress = options.on_progress;
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<lm::GenerateResult> results,
                             model_->Generate(batch, generate_options));
    for (size_t i = 0; i < results.size(); ++i) {
      ChatReply reply;
      reply.truncated = results[i].finish == lm::GenerateResult::Finish::kLength;
      reply.model = name_;
      reply.prompt_tokens = static_cast<int64_t>(batch[i].prompt.size());
      reply.completion_tokens = static_cast<int64_t>(results[i].ids.size());
      reply.text = std::move(results[i].text);
      replies[places[i]] = std::move(reply);
    }
    return replies;
  }

  absl::Status Check(const CancelToken& cancel) override { return cancel.Check(); }

 private:
  absl::StatusOr<lm::GenerateRequest> Encode(const ChatRequest& request) const {
    lm::GenerateRequest generate;
    FOUNDRY_ASSIGN_OR_RETURN(generate.prompt, model_->ChatPrompt(request.messages));
    const int room = options_.context_window - static_cast<int>(generate.prompt.size());
    if (room < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(name_, ": the prompt has ", generate.prompt.size(),
                       " tokens, but the context window ", options_.context_window));
    }
    generate.max_new_tokens = std::min(request.max_tokens, room);
    generate.temperature = request.temperature;
    generate.top_p = request.top_p;
    generate.repetition_penalty = request.repetition_penalty;
    generate.seed = request.seed;
    generate.stop = request.stop;
    return generate;
  }

  const std::shared_ptr<const lm::LanguageModel> model_;
  const std::string name_;
  const LocalChatOptions options_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<ChatModel>> MakeLocalChatModel(
    std::shared_ptr<const lm::LanguageModel> model, std::string name,
    const LocalChatOptions& options) {
  if (model->chat_template() == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " has no chat template: a teacher must be an instruction-tuned model"));
  }
  return std::make_shared<LocalChatModel>(std::move(model), std::move(name), options);
}

}  // namespace foundry::chat
