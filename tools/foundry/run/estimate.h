// What a pipeline will take, before it runs.
#pragma once

#include "absl/status/statusor.h"
#include "foundry/pipeline/v1/spec.pb.h"
#include "tools/foundry/command.h"

namespace foundry::cli {

// Prints steps and tasks with an estimate of time, memory and tokens. The rates come from a
// measurement of about a second on this machine (its matrix product), the amounts from the sizes
// of the sources.
absl::StatusOr<int> PrintPlan(const pipeline::v1::PipelineSpec& spec, Output output);

}  // namespace foundry::cli
