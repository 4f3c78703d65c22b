#include "tools/foundry/local/local_task.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/reveal.h"
#include "common/base/status.h"
#include "tools/foundry/local/state_folder.h"
#include "tools/foundry/run/interrupts.h"

namespace foundry::cli {
namespace fs = std::filesystem;

LocalTask::LocalTask(fs::path output)
    : final_(std::move(output)),
      work_(final_.string() + ".work"),
      made_(work_ / "output"),
      scratch_(work_ / "scratch"),
      terminal_(isatty(fileno(stderr))) {}

absl::StatusOr<std::unique_ptr<LocalTask>> LocalTask::Make(const fs::path& output) {
  std::error_code error;
  fs::path place = fs::absolute(output, error).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();  // "pairs/"
  if (output.empty() || error || !place.has_filename()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--output: \"", output.string(), "\" names no folder for results"));
  }
  if (fs::exists(place, error) && !fs::is_directory(place, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--output: ", place.string(), " is a file, and results need a folder"));
  }
  std::unique_ptr<LocalTask> task(new LocalTask(place));
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(task->work_));
  absl::StatusOr<FileLock> lock = FileLock::TryTake(task->work_ / "lock");
  if (absl::IsUnavailable(lock.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("another command is making ", place.string(), " right now"));
  }
  FOUNDRY_RETURN_IF_ERROR(lock.status());
  task->lock_.emplace(*std::move(lock));
  fs::remove_all(task->made_, error);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(task->made_));
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(task->scratch_));
  return task;
}

absl::StatusOr<worker::StageOutput> LocalTask::Run(const worker::Stage& stage,
                                                   const worker::StageRequest& request) {
  const auto handler = stage.handlers.find(request.request_case());
  if (handler == stage.handlers.end()) {
    return absl::UnimplementedError(absl::StrCat(stage.name, " does not take this request"));
  }
  absl::StatusOr<worker::StageOutput> result;
  {
    const InterruptWatch interrupts(cancel_, nullptr);
    result = handler->second(request, *this);
  }
  if (terminal_) std::fprintf(stderr, "\r\033[K");
  FOUNDRY_RETURN_IF_ERROR(result.status());
  FOUNDRY_RETURN_IF_ERROR(RevealEntries(made_, final_));
  std::error_code ignored;
  fs::remove_all(work_, ignored);
  return result;
}

absl::StatusOr<fs::path> LocalTask::Fetch(const worker::InputRef& input) {
  const fs::path path =
      input.name.empty() ? fs::path(input.path) : input.path / fs::path(input.name);
  std::error_code error;
  if (input.path.empty() || !fs::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": no such file or folder"));
  }
  return path;
}

fs::path LocalTask::cache() const {
  const absl::StatusOr<StateFolder> state = OpenStateFolder();
  return state.ok() ? state->work() / "cache" : fs::path();
}

void LocalTask::Progress(const worker::TaskProgress& progress) {
  if (!terminal_) return;
  std::string text = progress.message;
  if (text.empty()) text = absl::StrCat(progress.done, "/", progress.total, " ", progress.unit);
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
}

void LocalTask::Message(const std::string& text) {
  std::fprintf(stderr, "%s%s\n", terminal_ ? "\r\033[K" : "", text.c_str());
}

}  // namespace foundry::cli
