// Which steps of a pipeline run and which are skipped, and why. Thread-safe (no state).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/coordinator/planner/planner.h"

namespace foundry::coordinator {

inline constexpr absl::string_view kSteps[] = {
    "extraction", "enrichment", "teacher", "distillation", "merge", "self_study", "evaluation"};

struct Decisions {
  // Step → why it is skipped; the other steps run.
  std::map<std::string, std::string, std::less<>> skipped;
  // teacher runs only to fill the handed-in pairs' empty targets.
  bool fill_pairs = false;
  bool Runs(absl::string_view step) const { return skipped.find(step) == skipped.end(); }
};

// InvalidArgument: `steps` names a step whose inputs nothing makes.
absl::StatusOr<Decisions> DecideSteps(const pipeline::v1::PipelineSpec& spec,
                                      const InputFacts& facts);

}  // namespace foundry::coordinator
