// Several chat models with weights, acting as one.
//
// Complete() deals requests out in proportion to the weights (by the request's seed and position,
// so that the same batch goes the same way) and lets the others step in where a member fails.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/chat/chat_model.h"

namespace foundry::chat {

struct Member {
  std::shared_ptr<ChatModel> model;
  double weight = 1.0;       // > 0
  double temperature = 0.7;  // of text that the member writes
};

class Ensemble : public ChatModel {
 public:
  // InvalidArgument without members or with a weight that is not positive.
  static absl::StatusOr<std::shared_ptr<Ensemble>> Make(std::vector<Member> members);

  const std::string& name() const override { return name_; }
  const std::vector<Member>& members() const { return members_; }

  absl::StatusOr<std::vector<absl::StatusOr<ChatReply>>> Complete(
      absl::Span<const ChatRequest> requests, const CompleteOptions& options = {}) override;

  // Every member must answer: a teacher that is not there would be missed only after long work.
  absl::Status Check(const CancelToken& cancel) override;

  // The member that request number `index` goes to first.
  size_t Pick(const ChatRequest& request, size_t index) const;

 private:
  explicit Ensemble(std::vector<Member> members);
  std::vector<Member> members_;
  double total_weight_ = 0;
  std::string name_;
};

}  // namespace foundry::chat
