// Replay against forgetting: general requests, answered by the student as it was before training
// (self-distillation; Mecklenburg et al., arXiv 2404.00213, mix general data for the same reason).
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/dataset/records.h"
#include "common/lm/language_model.h"

namespace foundry::trainer {

// `count` pairs of general requests and the model's own greedy answers, the same for the same
// model. At most as many as there are requests in replay_requests.txt.
absl::StatusOr<std::vector<dataset::Pair>> MakeReplay(const lm::LanguageModel& model, size_t count,
                                                      const CancelToken& cancel);

}  // namespace foundry::trainer
