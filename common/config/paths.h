// Paths in a spec: made absolute from the file or folder they were written in, and looked for.
// Thread-safe (no state).
#pragma once

#include "common/config/problems.h"
#include "foundry/pipeline/v1/spec.pb.h"

namespace foundry::config {

// Makes every path absolute. With `must_exist`, input paths that are missing are problems.
//
// Fields with `input_path` and file: references are paths. A model or data set is a path when it
// looks like one (it holds a slash at its start, or begins with . or ends in .gguf) or when it
// exists beside the user's file; otherwise it is a name to look up later. A JSON source may be a
// pattern (*, ?, […]).
void ResolvePaths(bool must_exist, pipeline::v1::PipelineSpec* spec, Problems* problems);

}  // namespace foundry::config
