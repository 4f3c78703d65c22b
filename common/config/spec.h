// The user's file → PipelineSpec.
//
// One call reads the YAML, lays the environment and flags over it, checks everything, fills the
// defaults of the profile and makes paths absolute. The result has every setting that has a default
// set. An error is InvalidArgument that lists every problem, one a line:
//   pipeline.yaml:12: distillation.epochs: must be between 0.01 and 1000, got -3
// Thread-safe (no state).
//
//   FOUNDRY_ASSIGN_OR_RETURN(auto spec, config::LoadSpec("pipeline.yaml",
//                            {.set = {"distillation.epochs=2"},
//                             .environment = config::ProcessEnvironment()}));
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/config/overrides.h"
#include "foundry/pipeline/v1/spec.pb.h"

namespace foundry::config {

struct LoadOptions {
  // setting=value, applied last, in order.
  std::vector<std::string> set;
  // Variables looked through for FOUNDRY_<SETTING>.
  std::map<std::string, std::string> environment;
  // Whether input paths must exist on this machine.
  bool paths_must_exist = true;
};

absl::StatusOr<pipeline::v1::PipelineSpec> LoadSpec(const std::filesystem::path& file,
                                                    const LoadOptions& options);

// `name` stands for the file in errors; relative paths in `yaml` count from `folder`.
absl::StatusOr<pipeline::v1::PipelineSpec> ParseSpec(absl::string_view yaml, absl::string_view name,
                                                     const std::filesystem::path& folder,
                                                     const LoadOptions& options);

// The same checks and defaults for a spec that came as a message (resolved or not). Idempotent.
// Paths are made absolute from the current folder and not looked for.
absl::Status ResolveSpec(pipeline::v1::PipelineSpec* spec);

}  // namespace foundry::config
