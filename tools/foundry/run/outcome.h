// What a finished job came to, read from its output folder.
#pragma once

#include <filesystem>
#include <string>

namespace foundry::cli {

// The before/after table of evaluation_results.json, with 95 % intervals, then the outputs that are
// there and where the report lies. A folder without an evaluation gives the outputs alone.
std::string OutcomeText(const std::filesystem::path& output_dir);

}  // namespace foundry::cli
