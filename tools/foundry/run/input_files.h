// The local files that a spec reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "foundry/pipeline/v1/spec.pb.h"

namespace foundry::cli {

struct InputFile {
  std::filesystem::path path;
  int64_t size = 0;      // bytes
  int64_t modified = 0;  // file clock's ticks
};

// Files of the sources, handed-in inputs and data sets, sorted by path; folders recursively. What
// does not exist is left out: checking is the loader's.
std::vector<InputFile> InputFiles(const pipeline::v1::PipelineSpec& spec);

// Only the sources'.
std::vector<InputFile> SourceFiles(const pipeline::v1::PipelineSpec& spec);

}  // namespace foundry::cli
