#include "common/storage/export.h"

#include <chrono>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/manifest.h"

namespace foundry::storage {
namespace {

namespace fs = std::filesystem;
using common::v1::Artifact;
using common::v1::Manifest;

bool SameFile(const fs::path& path, const Artifact& artifact) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || error) return false;
  if (static_cast<int64_t>(fs::file_size(path, error)) != artifact.size_bytes()) return false;
  const absl::StatusOr<std::string> sha256 = Sha256HexOfFile(path);
  return sha256.ok() && *sha256 == artifact.sha256();
}

// Whether `to` holds exactly these files. Keys are names below `to`, "" for `to` itself.
bool HoldsAlready(const fs::path& to, const std::map<std::string, const Artifact*>& wanted) {
  std::error_code error;
  if (wanted.size() == 1 && wanted.begin()->first.empty()) {
    return SameFile(to, *wanted.begin()->second);
  }
  if (!fs::is_directory(to, error)) return false;
  size_t found = 0;
  for (fs::recursive_directory_iterator it(to, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_directory(error)) continue;
    const auto entry = wanted.find(it->path().lexically_relative(to).generic_string());
    if (entry == wanted.end() || !SameFile(it->path(), *entry->second)) return false;
    ++found;
  }
  return !error && found == wanted.size();
}

constexpr char kStagingPrefix[] = ".foundry-export-";
constexpr auto kStagingLife = std::chrono::hours(1);

// Removes what exports left that were killed on their way; others to `parent` may be under way.
void RemoveAbandoned(const fs::path& parent) {
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    if (!absl::StartsWith(it->path().filename().string(), kStagingPrefix)) continue;
    std::error_code ignored;
    const auto age = fs::file_time_type::clock::now() - it->last_write_time(ignored);
    if (!ignored && age > kStagingLife) fs::remove_all(it->path(), ignored);
  }
}

// Removes what a failed export leaves.
class Staging {
 public:
  explicit Staging(fs::path path) : path_(std::move(path)) {}
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  const fs::path path_;
};

}  // namespace

absl::Status Export(const Manifest& manifest, absl::string_view name, const fs::path& to,
                    ArtifactStore* store) {
  std::map<std::string, const Artifact*> wanted;
  for (const Artifact& artifact : manifest.artifacts()) {
    if (name.empty()) {
      wanted[artifact.name()] = &artifact;
    } else if (artifact.name() == name) {
      wanted[""] = &artifact;
    } else if (absl::StartsWith(artifact.name(), absl::StrCat(name, "/"))) {
      wanted[artifact.name().substr(name.size() + 1)] = &artifact;
    }
  }
  if (!wanted.empty() && HoldsAlready(to, wanted)) return absl::OkStatus();

  const fs::path parent = to.has_parent_path() ? to.parent_path() : fs::path(".");
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(parent));
  RemoveAbandoned(parent);
  const Staging staging(parent / absl::StrCat(kStagingPrefix, RandomId()));
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(staging.path()));
  FOUNDRY_RETURN_IF_ERROR(Materialise(manifest, name, staging.path(), Placement::kCopy, store));
  FOUNDRY_RETURN_IF_ERROR(SyncFolder(staging.path()));
  return RenameDurably(name.empty() ? staging.path() : staging.path() / std::string(name), to);
}

absl::Status ExportEntries(const Manifest& manifest, const fs::path& output_dir,
                           ArtifactStore* store) {
  std::set<std::string> entries;
  for (const Artifact& artifact : manifest.artifacts()) {
    entries.insert(artifact.name().substr(0, artifact.name().find('/')));
  }
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(output_dir));
  for (const std::string& entry : entries) {
    FOUNDRY_RETURN_IF_ERROR(Export(manifest, entry, output_dir / entry, store));
  }
  return absl::OkStatus();
}

}  // namespace foundry::storage
