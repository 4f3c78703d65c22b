// Models for tests: answers by rule, every call counted.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/chat/chat_model.h"

namespace foundry::evaluator {

class RuleChatModel : public chat::ChatModel {
 public:
  using Rule = std::function<absl::StatusOr<std::string>(const chat::ChatRequest&)>;
  explicit RuleChatModel(Rule rule) : rule_(std::move(rule)) {}

  const std::string& name() const override { return name_; }
  absl::Status Check(const CancelToken&) override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<absl::StatusOr<chat::ChatReply>>> Complete(
      absl::Span<const chat::ChatRequest> requests, const chat::CompleteOptions& options) override {
    std::vector<absl::StatusOr<chat::ChatReply>> replies;
    for (const chat::ChatRequest& request : requests) {
      if (absl::Status status = options.cancel.Check(); !status.ok()) return status;
      prompts.push_back(request.messages.back().content);
      absl::StatusOr<std::string> text = rule_(request);
      if (!text.ok()) {
        replies.push_back(text.status());
        continue;
      }
      chat::ChatReply reply;
      reply.text = *text;
      reply.completion_tokens = static_cast<int64_t>(text->size() / 4 + 1);
      replies.push_back(std::move(reply));
    }
    return replies;
  }

  std::vector<std::string> prompts;  // of every request, in order

 private:
  Rule rule_;
  std::string name_ = "rule";
};

}  // namespace foundry::evaluator
