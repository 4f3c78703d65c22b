// What can be known to fail before anything runs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "foundry/pipeline/v1/spec.pb.h"
#include "tools/foundry/command.h"

namespace foundry::cli {

struct Check {
  std::string name;  // "model smollm2-135m-instruct"
  bool ok = false;
  bool needed = true;  // false: only some features miss it
  std::string detail;  // what was found, or what to do
  absl::StatusCode code = absl::StatusCode::kFailedPrecondition;  // of the failure
};

// Models resolve, sources have files, secrets are there, endpoints answer, the output folder can be
// written. The error lists every failed check; its code is theirs where they agree (NotFound,
// Unavailable), else FailedPrecondition.
absl::Status Preflight(const pipeline::v1::PipelineSpec& spec);
std::vector<Check> CheckSpec(const pipeline::v1::PipelineSpec& spec);

// The machine: programs, folders, CPU features, memory, models.
std::vector<Check> CheckMachine();

}  // namespace foundry::cli
