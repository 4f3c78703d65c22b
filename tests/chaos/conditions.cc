#include "tests/chaos/conditions.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/files.h"

namespace foundry::chaos {
namespace {

namespace fs = std::filesystem;

// Far more than a run needs; memory is taken only for what is in it.
constexpr char kSpace[] = "mode=0755,size=8g";

void Demand(bool good, const std::string& what) {
  if (good) return;
  fprintf(stderr, "%s: %s\n", what.c_str(), strerror(errno));
  abort();
}

std::string FindLibrary() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib", error)) {
    const fs::path library = entry.path() / "faketime" / "libfaketime.so.1";
    if (fs::exists(library, error)) return library;
  }
  return "";
}

}  // namespace

Clock::Clock(fs::path file) : file_(std::move(file)), library_(FindLibrary()) {
  if (library_.empty()) {
    missing_ = "libfaketime is not installed (tools/setup.sh --tests)";
    return;
  }
  Set(absl::ZeroDuration());
}

std::vector<std::string> Clock::Environment() const {
  if (!missing_.empty()) return {};
  return {absl::StrCat("LD_PRELOAD=", library_),
          absl::StrCat("FAKETIME_TIMESTAMP_FILE=", file_.string()), "FAKETIME_CACHE_DURATION=1",
          "FAKETIME_DONT_FAKE_MONOTONIC=1"};
}

void Clock::Set(absl::Duration offset) {
  const int64_t seconds = absl::ToInt64Seconds(offset);
  const absl::Status written =
      WriteFileAtomic(file_, absl::StrCat(seconds < 0 ? "" : "+", seconds, "\n"));
  Demand(written.ok() && chmod(file_.c_str(), 0644) == 0, file_.string());
}

SmallDisk::SmallDisk(fs::path folder) : folder_(std::move(folder)) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", folder_.c_str(), "tmpfs", 0, kSpace) != 0) {
    missing_ =
        absl::StrCat("no small file system can be mounted: ", strerror(errno), " (needs root)");
  }
}

void SmallDisk::SetFull(bool full) {
  int result = -1;
  // What was written since it was asked what is in use is in the way.
  for (int attempt = 0; result != 0 && attempt < 100; ++attempt) {
    std::string options = kSpace;
    if (full) {
      struct statvfs space {};
      Demand(statvfs(folder_.c_str(), &space) == 0, folder_.string());
      options = absl::StrCat("mode=0755,nr_blocks=", space.f_blocks - space.f_bfree + attempt);
    }
    result = mount("none", folder_.c_str(), "tmpfs", MS_REMOUNT, options.c_str());
  }
  Demand(result == 0, folder_.string());
}

}  // namespace foundry::chaos
