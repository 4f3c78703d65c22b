// Replay against forgetting: general requests, answered by the student as it was before training
// (self-distillation; Mecklenburg et al., arXiv 2404.00213, mix general data for the same reason).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/lm/language_model.h"
#include "services/trainer/examples.h"

namespace foundry::trainer {

// The requests of replay_requests.txt, in an order in which any first ones are of many kinds.
std::vector<std::string> ReplayRequests();

// Examples of `count` general requests and the model's own greedy answers, the same for the same
// model; at most as many as there are requests. Only answers are learned. Of one that would have
// gone on the first 48 tokens are, without an end, which would teach the student to break off.
absl::StatusOr<std::vector<lm::Example>> MakeReplay(const lm::LanguageModel& model, size_t count,
                                                    int max_length, const CancelToken& cancel);

}  // namespace foundry::trainer
