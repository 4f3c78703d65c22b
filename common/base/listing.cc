#include "common/base/listing.h"

#include <glob.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace foundry {
namespace fs = std::filesystem;
namespace {

constexpr char kWildcards[] = "*?[";

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// `path` as a pattern that matches it alone.
std::string Escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '\\' || absl::string_view("*?[]").find(c) != absl::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Walks in sorted order. `real` holds the folders on the way and those done: a link back ends
// there.
absl::Status Walk(const fs::path& folder, const fs::path& relative, std::set<fs::path>* real,
                  std::vector<fs::path>* out) {
  std::error_code error;
  const fs::path resolved = fs::canonical(folder, error);
  if (error)
    return absl::ErrnoToStatus(error.value(), absl::StrCat(folder.string(), ": cannot list"));
  if (!real->insert(resolved).second) return absl::OkStatus();
  std::vector<fs::path> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename());
  }
  if (error)
    return absl::ErrnoToStatus(error.value(), absl::StrCat(folder.string(), ": cannot list"));
  std::sort(names.begin(), names.end());
  for (const fs::path& name : names) {
    const fs::path path = folder / name;
    std::error_code ignored;  // a dangling link is no file
    if (fs::is_directory(path, ignored)) {
      if (absl::StartsWith(name.string(), ".")) continue;  // .git, caches
      FOUNDRY_RETURN_IF_ERROR(Walk(path, relative / name, real, out));
    } else if (fs::is_regular_file(path, ignored)) {
      out->push_back(relative / name);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<fs::path>> ListFiles(const fs::path& folder) {
  std::vector<fs::path> out;
  std::set<fs::path> real;
  FOUNDRY_RETURN_IF_ERROR(Walk(folder, "", &real, &out));
  std::sort(out.begin(), out.end(), [](const fs::path& a, const fs::path& b) {
    return a.generic_string() < b.generic_string();
  });
  return out;
}

PathPattern SplitPattern(const std::string& path) {
  if (path.find_first_of(kWildcards) == std::string::npos || Exists(path)) return {path, ""};
  PathPattern split;
  bool plain = true;  // up to here
  for (const fs::path& part : fs::path(path)) {
    const fs::path longer = split.folder / part;
    plain =
        plain && (part.string().find_first_of(kWildcards) == std::string::npos || Exists(longer));
    if (plain) {
      split.folder = longer;
    } else {
      split.pattern += (split.pattern.empty() ? "" : "/") + part.string();
    }
  }
  if (split.folder.empty()) split.folder = ".";
  return split;
}

std::vector<fs::path> MatchPaths(const std::string& path) {
  const PathPattern split = SplitPattern(path);
  if (split.pattern.empty()) {
    return Exists(path) ? std::vector<fs::path>{path} : std::vector<fs::path>{};
  }
  std::vector<fs::path> paths;
  glob_t found{};
  const std::string pattern = (fs::path(Escaped(split.folder.string())) / split.pattern).string();
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  return paths;
}

}  // namespace foundry
