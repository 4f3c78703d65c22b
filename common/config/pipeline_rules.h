// Rules between settings, which no single field's options can say. Thread-safe (no state).
#pragma once

#include "common/config/problems.h"
#include "foundry/pipeline/v1/spec.pb.h"

namespace foundry::config {

// Rules on what the user wrote, before defaults: one kind a source and a data set, filters only
// where they apply, something to work on, known models to compare, judges that can be asked.
// Writes `compare: [{previous: PATH}]` as `previous` in the list and in evaluation.previous.
void ApplyPipelineRules(pipeline::v1::PipelineSpec* spec, Problems* problems);

// Rules on the spec with its defaults: names data sets, finds two of one name; drops the GGUF types
// where no GGUF is written.
void FinishPipeline(pipeline::v1::PipelineSpec* spec, Problems* problems);

}  // namespace foundry::config
