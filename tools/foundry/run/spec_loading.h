// From the user's file to a spec that a coordinator takes.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "foundry/pipeline/v1/spec.pb.h"

namespace foundry::cli {

struct LoadedSpec {
  pipeline::v1::PipelineSpec spec;  // resolved: every field set, paths absolute
  // Hash of the resolved spec and of the names, sizes and times of its input files: the same
  // command finds its job again, changed documents make a new one.
  std::string request_id;
};

// `settings`: key.path=value overrides. Errors list every problem with file, line and key.
absl::StatusOr<LoadedSpec> LoadSpec(const std::string& path,
                                    const std::vector<std::string>& settings);

}  // namespace foundry::cli
