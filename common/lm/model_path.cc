#include "common/lm/model_path.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/files.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

bool IsModel(const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return true;
  return fs::exists(path / "config.json", error) || fs::exists(path / "model.gguf", error);
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The folders named models/ in the current folder and above the running program: a program in
// build/dev/bin finds its repository's, an installed one its prefix's.
std::vector<fs::path> ModelFolders() {
  std::vector<fs::path> out;
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (!error) out.push_back(here / "models");
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int level = 0; level < 4 && folder.has_relative_path(); ++level) {
    if (folder / "models" != out.front()) out.push_back(folder / "models");
    folder = folder.parent_path();
  }
  return out;
}

fs::path HuggingFaceCache() {
  if (const std::string hub = Environment("HF_HUB_CACHE"); !hub.empty()) return hub;
  if (const std::string home = Environment("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  if (const std::string cache = Environment("XDG_CACHE_HOME"); !cache.empty()) {
    return fs::path(cache) / "huggingface/hub";
  }
  const std::string home = Environment("HOME");
  return home.empty() ? fs::path() : fs::path(home) / ".cache/huggingface/hub";
}

// The snapshot that refs/main names; empty when the cache holds none.
fs::path Snapshot(const fs::path& repository) {
  const auto revision = ReadFile(repository / "refs/main");
  if (!revision.ok()) return {};
  return repository / "snapshots" / std::string(absl::StripAsciiWhitespace(*revision));
}

bool IsExplicitPath(absl::string_view name) {
  return absl::StartsWith(name, "/") || absl::StartsWith(name, "./") ||
         absl::StartsWith(name, "../") || absl::EndsWith(name, ".gguf");
}

}  // namespace

absl::StatusOr<fs::path> ResolveModel(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("the model's name is empty");
  std::vector<std::string> looked;
  const auto found = [&looked](const fs::path& path) {
    looked.push_back(path.string());
    return IsModel(path);
  };
  const fs::path as_path(std::string{name});
  if (found(as_path)) return as_path;
  const bool safe = !absl::StrContains(name, "..");
  if (!IsExplicitPath(name) && safe) {
    if (const std::string folder = Environment("FOUNDRY_MODELS"); !folder.empty()) {
      if (found(fs::path(folder) / as_path)) return fs::path(folder) / as_path;
    }
    for (const fs::path& folder : ModelFolders()) {
      if (found(folder / as_path)) return folder / as_path;
    }
    if (const fs::path cache = HuggingFaceCache(); !cache.empty()) {
      const fs::path repository =
          cache / absl::StrCat("models--", absl::StrReplaceAll(name, {{"/", "--"}}));
      const fs::path snapshot = Snapshot(repository);
      if (found(snapshot.empty() ? repository : snapshot) && !snapshot.empty()) return snapshot;
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "no model '", name, "' (a folder with config.json or model.gguf, or a GGUF file): looked at ",
      absl::StrJoin(looked, ", "), "; set FOUNDRY_MODELS to the folder that holds your models"));
}

}  // namespace foundry::lm
