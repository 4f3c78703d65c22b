#include "common/chat/ensemble.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "common/base/status.h"

namespace foundry::chat {
namespace {

// SplitMix64 (Steele et al. 2014): spreads seeds that differ in few bits.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

}  // namespace

absl::StatusOr<std::shared_ptr<Ensemble>> Ensemble::Make(std::vector<Member> members) {
  if (members.empty()) return absl::InvalidArgumentError("an ensemble needs a model");
  for (const Member& member : members) {
    if (member.model == nullptr || !(member.weight > 0)) {
      return absl::InvalidArgumentError("an ensemble's members need a model and a weight above 0");
    }
  }
  return std::shared_ptr<Ensemble>(new Ensemble(std::move(members)));
}

Ensemble::Ensemble(std::vector<Member> members) : members_(std::move(members)) {
  std::vector<std::string> names;
  for (const Member& member : members_) {
    total_weight_ += member.weight;
    names.push_back(member.model->name());
  }
  name_ = absl::StrJoin(names, " + ");
}

size_t Ensemble::Pick(const ChatRequest& request, size_t index) const {
  double at = (Mix(request.seed ^ Mix(index)) >> 11) * 0x1.0p-53 * total_weight_;
  for (size_t i = 0; i + 1 < members_.size(); ++i) {
    if (at < members_[i].weight) return i;
    at -= members_[i].weight;
  }
  return members_.size() - 1;
}

absl::StatusOr<std::vector<absl::StatusOr<ChatReply>>> Ensemble::Complete(
    absl::Span<const ChatRequest> requests, const CompleteOptions& options) {
  std::vector<absl::StatusOr<ChatReply>> replies(requests.size(),
                                                 absl::UnavailableError("no member answered"));
  std::vector<size_t> first(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) first[i] = Pick(requests[i], i);
  for (size_t turn = 0; turn < members_.size(); ++turn) {
    for (size_t m = 0; m < members_.size(); ++m) {
      std::vector<ChatRequest> batch;
      std::vector<size_t> places;
      for (size_t i = 0; i < requests.size(); ++i) {
        if (replies[i].ok() || (first[i] + turn) % members_.size() != m) continue;
        batch.push_back(requests[i]);
        places.push_back(i);
      }
      if (batch.empty()) continue;
      CompleteOptions inner = options;
      size_t finished = 0;
      for (const auto& reply : replies) finished += reply.ok();
      if (options.on_progress) {
        inner.on_progress = [&options, finished](size_t n) { options.on_progress(finished + n); };
      }
      auto answers = members_[m].model->Complete(batch, inner);
      FOUNDRY_RETURN_IF_ERROR(options.cancel.Check());
      for (size_t i = 0; i < places.size(); ++i) {
        replies[places[i]] =
            answers.ok() ? std::move((*answers)[i]) : absl::StatusOr<ChatReply>(answers.status());
      }
    }
  }
  return replies;
}

absl::Status Ensemble::Check(const CancelToken& cancel) {
  for (const Member& member : members_) {
    FOUNDRY_RETURN_IF_ERROR(member.model->Check(cancel));
  }
  return absl::OkStatus();
}

}  // namespace foundry::chat
