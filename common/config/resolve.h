// Defaults. Thread-safe (no state).
#pragma once

#include "common/config/problems.h"
#include "foundry/pipeline/v1/spec.pb.h"

namespace foundry::config {

// Sets every unset field that has a default, under the spec's profile (smoke, laptop, full). A
// step's batch_size and max_samples fall back to the global ones. Sections come into being; fields
// without a default (endpoints, passwords) stay unset.
void FillDefaults(pipeline::v1::PipelineSpec* spec, Problems* problems);

}  // namespace foundry::config
