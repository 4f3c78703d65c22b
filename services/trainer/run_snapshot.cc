#include "services/trainer/run_snapshot.h"

#include <algorithm>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace foundry::trainer {
namespace {

namespace fs = std::filesystem;
constexpr char kCurves[] = "metrics.jsonl";
constexpr char kBest[] = "best_checkpoint";
constexpr char kCheckpoints[] = "checkpoints";
constexpr char kExamples[] = "examples.bin";

absl::Status Copy(const fs::path& from, const fs::path& to, fs::copy_options options) {
  std::error_code error;
  if (!fs::exists(from, error)) return absl::OkStatus();
  fs::copy(from, to, options | fs::copy_options::recursive, error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat("cannot copy ", from.string(), " to ", to.string()));
}

// The newest checkpoints/step-N, where N is larger than -1.
struct Newest {
  int64_t step = -1;
  fs::path folder;
};
Newest NewestCheckpoint(const fs::path& run) {
  Newest newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run / kCheckpoints, error)) {
    const std::string name = entry.path().filename().string();
    absl::string_view rest = name;
    int64_t step = 0;
    if (absl::ConsumePrefix(&rest, "step-") && absl::SimpleAtoi(rest, &step) &&
        step > newest.step) {
      newest = {step, entry.path()};
    }
  }
  return newest;
}

}  // namespace

absl::StatusOr<fs::path> SnapshotRun(const fs::path& run, const fs::path& checkpoint, int64_t step,
                                     const fs::path& examples) {
  const fs::path snapshot = run / "snapshots" / absl::StrCat("step-", step);
  std::error_code ignored;
  fs::remove_all(snapshot, ignored);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(snapshot / kCheckpoints));
  FOUNDRY_RETURN_IF_ERROR(Copy(checkpoint, snapshot / kCheckpoints / checkpoint.filename(),
                               fs::copy_options::create_hard_links));
  FOUNDRY_RETURN_IF_ERROR(Copy(run / kBest, snapshot / kBest, fs::copy_options::create_hard_links));
  FOUNDRY_RETURN_IF_ERROR(
      Copy(examples, snapshot / kExamples, fs::copy_options::create_hard_links));
  // Lines are added to it.
  FOUNDRY_RETURN_IF_ERROR(Copy(run / kCurves, snapshot / kCurves, fs::copy_options::none));
  return snapshot;
}

absl::StatusOr<bool> RestoreRun(const fs::path& snapshot, const fs::path& run) {
  const Newest saved = NewestCheckpoint(snapshot);
  if (saved.step < 0) {
    return absl::DataLossError(absl::StrCat(snapshot.string(), ": holds no checkpoint"));
  }
  if (NewestCheckpoint(run).step >= saved.step) return false;
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(run / kCheckpoints));
  FOUNDRY_ASSIGN_OR_RETURN(const TempFolder made, TempFolder::Make(run));
  const fs::path folder = made.path() / saved.folder.filename();
  FOUNDRY_RETURN_IF_ERROR(Copy(saved.folder, folder, fs::copy_options::none));
  FOUNDRY_RETURN_IF_ERROR(Copy(snapshot / kBest, made.path() / kBest, fs::copy_options::none));
  FOUNDRY_RETURN_IF_ERROR(Copy(snapshot / kCurves, made.path() / kCurves, fs::copy_options::none));
  std::error_code error;
  FOUNDRY_RETURN_IF_ERROR(
      Copy(snapshot / kExamples, made.path() / kExamples, fs::copy_options::none));
  for (const char* name : {kBest, kCurves, kExamples}) {
    if (!fs::exists(made.path() / name, error)) continue;
    FOUNDRY_RETURN_IF_ERROR(RenameDurably(made.path() / name, run / name));
  }
  // Last: it is what makes a run go on from here.
  FOUNDRY_RETURN_IF_ERROR(RenameDurably(folder, run / kCheckpoints / saved.folder.filename()));
  return true;
}

absl::Status KeepExamples(const fs::path& run, const fs::path& examples) {
  std::error_code error;
  if (!fs::exists(run / kExamples, error)) return absl::OkStatus();
  FOUNDRY_ASSIGN_OR_RETURN(const TempFolder made, TempFolder::Make(run));
  FOUNDRY_RETURN_IF_ERROR(Copy(run / kExamples, made.path() / kExamples, fs::copy_options::none));
  return RenameDurably(made.path() / kExamples, examples);
}

}  // namespace foundry::trainer
