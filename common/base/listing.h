// The files of a folder, and paths that may hold wildcards: docs/*.json. Thread-safe (no state).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace foundry {

// The regular files below a folder, relative to it, sorted. Links are followed, each folder is
// visited once; folders whose name begins with a dot (.git, caches) and dangling links are left
// out. Errors name the folder that cannot be listed.
absl::StatusOr<std::vector<std::filesystem::path>> ListFiles(const std::filesystem::path& folder);

// A folder, and what is to match below it.
struct PathPattern {
  std::filesystem::path folder;
  std::string pattern;  // for fnmatch and glob; empty: the whole is a plain path
};

// Wildcards are * ? [ in what does not exist as it stands: "docs [2023]" is a folder of that name
// where there is one. The folder of a pattern is the longest beginning that is plain or exists.
PathPattern SplitPattern(const std::string& path);

// The path itself when it exists, else what matches it, sorted; may be empty.
std::vector<std::filesystem::path> MatchPaths(const std::string& path);

}  // namespace foundry
