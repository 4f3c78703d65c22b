// How far an exported model is from the one it was made of.
//
// Both compute the same fixed prompts; at each position their logits and distributions are
// compared. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/lm/language_model.h"

namespace foundry::lm {

struct LogitDifference {
  int64_t positions = 0;
  double max_abs_logit = 0;  // greatest |Δlogit| of any token at any position
  double mean_kl = 0;        // mean over positions of KL(reference ‖ other), in nats
  double max_kl = 0;
  double same_top1 = 0;  // share of positions with the same most likely token
};

// The logits of one model on the fixed prompts.
struct ProbeLogits {
  std::vector<FloatMatrix> logits;  // one matrix a prompt
};

// The prompts as token ids: plain text, and a question in the model's chat template if it has one.
absl::StatusOr<std::vector<std::vector<int32_t>>> ProbePrompts(const LanguageModel& model);

absl::StatusOr<ProbeLogits> Probe(const LanguageModel& model,
                                  const std::vector<std::vector<int32_t>>& prompts);

// InvalidArgument when shapes differ.
absl::StatusOr<LogitDifference> Compare(const ProbeLogits& reference, const ProbeLogits& other);

}  // namespace foundry::lm
