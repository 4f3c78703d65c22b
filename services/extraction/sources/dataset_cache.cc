#include "services/extraction/sources/dataset_cache.h"

#include <stdlib.h>

#include <filesystem>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/files.h"

namespace foundry::extraction {
namespace fs = std::filesystem;
namespace {

void AddFrom(const char* variable, const char* below, std::vector<fs::path>* out) {
  const char* value = getenv(variable);
  if (value != nullptr && *value != '\0') out->push_back(fs::path(value) / below);
}

std::vector<fs::path> Caches() {
  std::vector<fs::path> out;
  AddFrom("HF_HUB_CACHE", "", &out);
  AddFrom("HF_HOME", "hub", &out);
  AddFrom("XDG_CACHE_HOME", "huggingface/hub", &out);
  AddFrom("HOME", ".cache/huggingface/hub", &out);
  return out;
}

}  // namespace

absl::StatusOr<std::string> ResolveDataset(const std::string& name) {
  std::error_code error;
  if (fs::exists(name, error) || name.find_first_of("*?") != std::string::npos) return name;
  std::vector<std::string> tried = {name};
  const std::string folder_name =
      absl::StrCat("datasets--", absl::StrReplaceAll(name, {{"/", "--"}}));
  for (const fs::path& cache : Caches()) {
    const fs::path folder = cache / folder_name;
    tried.push_back(folder.string());
    const absl::StatusOr<std::string> revision = ReadFile(folder / "refs" / "main");
    if (!revision.ok()) continue;
    const fs::path snapshot =
        folder / "snapshots" / std::string(absl::StripAsciiWhitespace(*revision));
    if (fs::is_directory(snapshot, error)) return snapshot.string();
  }
  return absl::NotFoundError(
      absl::StrCat("data set \"", name, "\" not found; looked at ", absl::StrJoin(tried, ", "),
                   ": give the folder of its JSONL or Parquet files, or download it first"));
}

}  // namespace foundry::extraction
