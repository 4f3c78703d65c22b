// What a spec's files hold, as far as this machine can read them. Thread-safe (no state).
#pragma once

#include "absl/status/statusor.h"
#include "services/coordinator/planner/planner.h"

namespace foundry::coordinator {

// Hashes every file, folder and pattern that a resolved spec names: content for data, names, sizes
// and times for models. What cannot be found here (it is on another machine) is left out.
// InvalidArgument when handed-in pairs can be found but not read.
absl::StatusOr<InputFacts> ReadInputFacts(const pipeline::v1::PipelineSpec& spec);

}  // namespace foundry::coordinator
