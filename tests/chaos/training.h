// Trainings whose two ranks run on two trainers, each under another coordinator, and the judgement
// of what became of them: the same adapter as of a training that nobody disturbed, bit for bit.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "common/testing/tiny_training.h"
#include "tests/chaos/jobs.h"

namespace foundry::chaos {

struct TrainingReport {
  std::vector<std::string> problems;  // empty: nothing lost, stale, doubled, open or orphaned
  int64_t fault_step = 0;             // done when the fault began
  int64_t resumed_after = -1;         // step from which the last generation went on; -1: the first
  int generations = 0;
  absl::Duration took;  // from the job's creation to its end
};

class Training {
 public:
  // Starts the trainers, which stay.
  explicit Training(ChaosCluster* cluster);

  // A training during which `fault` is called once, at a random instant after the first checkpoint
  // and well before the last one; null: an undisturbed one. `interrupts`: the fault ends the
  // generation that it meets.
  TrainingReport Run(const std::string& name, std::mt19937_64& random,
                     const std::function<void()>& fault, bool interrupts);

 private:
  // False when the training ended, or never got there.
  bool AwaitStep(ChaosJob& job, int64_t step);
  coordinator::v1::Task TaskOf(const ChaosJob& job);
  // Ranks whose trainer is gone (`any`: all that run) must end at once.
  void CheckRanksEnd(bool any, const std::string& when, std::vector<std::string>* problems);
  void Judge(const ChaosJob& job, int attempt_before, bool interrupts, TrainingReport* report);

  ChaosCluster* const cluster_;
  testing::TrainedFiles expected_;  // of the first training
};

}  // namespace foundry::chaos
