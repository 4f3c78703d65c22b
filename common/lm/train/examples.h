// Checks of training examples, their order, and what names a run. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/lm/trainer.h"

namespace foundry::lm {

// Sizes, ids, weights and soft targets fit; every example has a scored position. Errors name the
// example by `what` and its index.
absl::Status CheckExamples(const std::vector<Example>& examples, const ModelConfig& config,
                           const std::string& what);

// Options out of range are InvalidArgument.
absl::Status CheckOptions(const TrainOptions& options);

// SHA-256 over everything that changes the result: runs with the same one may continue each other.
std::string RunFingerprint(const std::vector<Example>& train,
                           const std::vector<Example>& validation, const TrainOptions& options,
                           const std::string& model, const std::string& compute);

// The examples of one step: an epoch is a permutation drawn from the seed and the epoch's number.
class StepOrder {
 public:
  StepOrder(const std::vector<Example>& examples, const TrainOptions& options);

  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  int64_t total_steps() const { return total_steps_; }
  std::vector<const Example*> Step(int64_t step);

 private:
  const std::vector<Example>& examples_;
  int64_t seed_, step_size_, steps_per_epoch_, total_steps_, epoch_ = -1;
  std::vector<size_t> order_;  // of epoch_
};

}  // namespace foundry::lm
