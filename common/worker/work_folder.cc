#include "common/worker/work_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/storage/manifest.h"

namespace foundry::worker {
namespace {

namespace fs = std::filesystem;
constexpr auto kScratchLife = std::chrono::hours(7 * 24);
constexpr auto kCacheLife = std::chrono::hours(30 * 24);

// Task ids are file names as they are; other keys become one.
std::string FileNameOf(const std::string& key) {
  for (const char c : key) {
    if (!isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return Sha256Hex(key);
  }
  return key.empty() ? "none" : key;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkFolder>> WorkFolder::Open(const fs::path& root,
                                                             storage::ArtifactStore* store,
                                                             absl::Duration input_life) {
  std::error_code error;
  const fs::path absolute = fs::absolute(root, error);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(absolute));
  const int lock = open((absolute / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat((absolute / "lock").string(), ": cannot open"));
  }
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return absl::UnavailableError(absl::StrCat(
        absolute.string(), ": another process works in this folder; give each its own --work-dir"));
  }
  std::unique_ptr<WorkFolder> folder(new WorkFolder(absolute, lock, store, input_life));
  for (const char* name : {"inputs", "outputs"}) {
    fs::remove_all(absolute / name, error);
    FOUNDRY_RETURN_IF_ERROR(MakeFolders(absolute / name));
  }
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(absolute / "scratch"));
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(absolute / "cache"));
  folder->RemoveOld();
  return folder;
}

WorkFolder::~WorkFolder() { close(lock_); }

void WorkFolder::RemoveOld() {
  std::error_code error;
  const auto age = [&error](const fs::directory_entry& entry) {
    return fs::file_time_type::clock::now() - entry.last_write_time(error);
  };
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ / "scratch", error)) {
    if (age(entry) > kScratchLife) fs::remove_all(entry.path(), error);
  }
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(cache(), error)) {
    if (entry.is_regular_file(error) && age(entry) > kCacheLife) fs::remove(entry.path(), error);
  }
}

absl::StatusOr<WorkFolder::Fetched> WorkFolder::Fetch(const InputRef& input) {
  if (!input.manifest.empty()) return FetchManifest(input);
  if (input.path.empty())
    return absl::InvalidArgumentError("an input names neither path nor output");
  if (absl::StrContains(input.path, "://")) {
    return absl::InvalidArgumentError(absl::StrCat(input.path, ": not a file or folder"));
  }
  const fs::path path =
      input.name.empty() ? fs::path(input.path) : fs::path(input.path) / input.name;
  std::error_code error;
  if (!fs::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": no such file or folder here"));
  }
  return Fetched{path, nullptr};
}

absl::StatusOr<WorkFolder::Fetched> WorkFolder::FetchManifest(const InputRef& input) {
  if (store_ == nullptr) {
    return absl::FailedPreconditionError("this process has no artifact store (--artifacts)");
  }
  FOUNDRY_RETURN_IF_ERROR(storage::CheckSha256(input.manifest));
  const std::string key =
      input.name.empty() ? input.manifest
                         : absl::StrCat(input.manifest, "-", Sha256Hex(input.name).substr(0, 16));
  std::shared_ptr<Kept> kept;
  std::vector<fs::path> unused;
  {
    std::lock_guard lock(mutex_);
    std::shared_ptr<Kept>& slot = inputs_[key];
    if (slot == nullptr) slot = std::make_shared<Kept>();
    slot->used = SteadyNow();
    kept = slot;
    unused = UnusedLocked();
  }
  std::error_code error;
  for (const fs::path& path : unused) fs::remove_all(path, error);
  const fs::path place = root_ / "inputs" / key;
  {
    std::lock_guard lock(kept->making);
    if (!fs::exists(place, error)) FOUNDRY_RETURN_IF_ERROR(Make(input, place));
  }
  return Fetched{input.name.empty() ? place : place / input.name, kept};
}

absl::Status WorkFolder::Make(const InputRef& input, const fs::path& place) {
  const fs::path partial = root_ / "inputs" / absl::StrCat("partial-", RandomId());
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(partial));
  absl::StatusOr<common::v1::Manifest> manifest = storage::GetManifest(input.manifest, store_);
  absl::Status status = manifest.status();
  if (status.ok()) {
    status =
        storage::Materialise(*manifest, input.name, partial, storage::Placement::kLink, store_);
  }
  std::error_code error;
  if (!status.ok()) {
    fs::remove_all(partial, error);
    return Annotate(status, absl::StrCat("output ", input.manifest));
  }
  fs::rename(partial, place, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat(place.string(), ": cannot rename to"));
  }
  return absl::OkStatus();
}

std::vector<fs::path> WorkFolder::UnusedLocked() {
  std::vector<fs::path> unused;
  const absl::Time before = SteadyNow() - input_life_;
  for (auto it = inputs_.begin(); it != inputs_.end();) {
    const auto next = std::next(it);
    // Only the map has it, and nobody else can get it meanwhile.
    if (it->second.use_count() == 1 && it->second->used <= before) {
      std::error_code error;
      const fs::path gone = root_ / "inputs" / absl::StrCat("unused-", RandomId());
      fs::rename(root_ / "inputs" / it->first, gone, error);
      if (!error) unused.push_back(gone);
      inputs_.erase(it);
    }
    it = next;
  }
  return unused;
}

absl::StatusOr<TempFolder> WorkFolder::NewOutput() { return TempFolder::Make(root_ / "outputs"); }

absl::StatusOr<fs::path> WorkFolder::Scratch(const std::string& key) {
  fs::path path = root_ / "scratch" / FileNameOf(key);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(path));
  return path;
}

void WorkFolder::RemoveScratch(const std::string& key) {
  std::error_code ignored;
  fs::remove_all(root_ / "scratch" / FileNameOf(key), ignored);
}

}  // namespace foundry::worker
