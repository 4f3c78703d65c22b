// Soft targets for the answers of pairs, from a teacher that reads the passage behind each pair.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/dataset/records.h"
#include "common/lm/language_model.h"
#include "services/trainer/examples.h"

namespace foundry::trainer {

struct SoftTeacherReport {
  int64_t targets = 0;  // examples that got soft targets
  int64_t reused = 0;   // of them, read from the cache
  bool probed = false;
  double with_passage = 0;  // contains of the probe's answers
  double closed_book = 0;
  std::string message;  // what was decided, and why
};

// `which`: none; auto: the student itself with the passage in front of it, if it then answers at
// least half of a few questions and more than without; else a model with the student's tokenizer
// (InvalidArgument when it has another). `built` are the examples of `pairs`; pairs without a
// passage keep cross-entropy alone. `probe`: questions to try, at best held-out ones.
// `caches`: folders where targets are kept for later runs, in the order in which they are tried:
// the next where another run uses the first one's. None: nothing is kept.
absl::StatusOr<SoftTeacherReport> AddSoftTargets(
    const std::string& which, const std::shared_ptr<lm::LanguageModel>& student,
    const std::vector<dataset::Pair>& pairs, const std::vector<dataset::Pair>& probe,
    double temperature, const CancelToken& cancel, BuiltExamples& built,
    const std::vector<std::filesystem::path>& caches = {});

}  // namespace foundry::trainer
