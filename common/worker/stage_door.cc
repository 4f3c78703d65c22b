#include "common/worker/stage_door.h"

#include <filesystem>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/reveal.h"
#include "common/base/status.h"

namespace foundry::worker {
namespace {

namespace fs = std::filesystem;

absl::Status CheckPrefix(const std::string& prefix) {
  const auto wrong = [&prefix](absl::string_view message) {
    return WithFieldViolation(absl::InvalidArgumentError(absl::StrCat("output_prefix: ", message,
                                                                      ", got \"", prefix, "\"")),
                              "output_prefix", message);
  };
  if (prefix.empty()) return wrong("a direct call must name the folder for its files");
  if (absl::StrContains(prefix, "://")) return wrong("must be a folder");
  if (!fs::path(prefix).is_absolute()) return wrong("must be an absolute path on the server");
  return absl::OkStatus();
}

// Lists the files below `folder` with their hashes.
absl::StatusOr<common::v1::Manifest> Describe(const fs::path& folder) {
  std::map<std::string, fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file(error)) {
      files[it->path().lexically_relative(folder).generic_string()] = it->path();
    }
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat(folder.string(), ": cannot list"));
  }
  common::v1::Manifest manifest;
  for (const auto& [name, path] : files) {
    common::v1::Artifact* artifact = manifest.add_artifacts();
    artifact->set_name(name);
    FOUNDRY_ASSIGN_OR_RETURN(*artifact->mutable_sha256(), Sha256HexOfFile(path));
    artifact->set_size_bytes(static_cast<int64_t>(fs::file_size(path, error)));
  }
  return manifest;
}

bool SendBatch(const ReportBatch& batch, const std::function<bool(common::v1::StageEvent)>& send) {
  bool open = true;
  for (const auto& point : batch.metrics) {
    common::v1::StageEvent event;
    *event.mutable_metric() = point;
    open = open && send(std::move(event));
  }
  // A line for people travels as progress whose counts stand as they were.
  for (const std::string& message : batch.messages) {
    common::v1::StageEvent event;
    if (batch.progress.has_value()) *event.mutable_progress() = *batch.progress;
    event.mutable_progress()->set_message(message);
    open = open && send(std::move(event));
  }
  if (batch.progress.has_value()) {
    common::v1::StageEvent event;
    *event.mutable_progress() = *batch.progress;
    open = open && send(std::move(event));
  }
  return open;
}

}  // namespace

absl::Status StageDoor::Run(const StageRequest& request, const std::string& output_prefix,
                            const CancelToken& cancel, const Sender& send) {
  FOUNDRY_RETURN_IF_ERROR(CheckPrefix(output_prefix));
  {
    std::lock_guard lock(mutex_);
    if (busy_ >= options_.slots) {
      return WithRetryAfter(
          WithReason(absl::ResourceExhaustedError("every slot of this process is busy"), "NO_SLOT"),
          absl::Seconds(5));
    }
    ++busy_;
  }
  const absl::Status status = RunInSlot(request, output_prefix, cancel, send);
  std::lock_guard lock(mutex_);
  --busy_;
  return status;
}

absl::Status StageDoor::RunInSlot(const StageRequest& request, const std::string& output_prefix,
                                  const CancelToken& cancel, const Sender& send) {
  const fs::path prefix(output_prefix);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(prefix));
  // Inside the prefix, so that revealing is a rename on one file system.
  FOUNDRY_ASSIGN_OR_RETURN(const TempFolder staging, TempFolder::Make(prefix));
  // The same call made again finds its own scratch.
  const std::string scratch_key = absl::StrCat("call-", Sha256Hex(request.SerializeAsString()));
  TaskReport report;
  StageRun run;
  run.output = staging.path();
  FOUNDRY_ASSIGN_OR_RETURN(run.scratch, runner_->files->Scratch(scratch_key));
  run.cancel = cancel;
  run.report = &report;

  absl::StatusOr<common::v1::StageResult> result = absl::InternalError("");
  std::thread handler([&] {
    result = RunStage(*runner_, request, run);
    report.Close();
  });
  CancelToken stop = cancel;
  bool closed = false;
  while (!closed) {
    report.Wait();
    closed = report.closed();
    if (!SendBatch(report.Take(), send)) stop.Cancel("the client went away");
  }
  handler.join();

  absl::Status status = result.status();
  if (status.ok()) status = cancel.Check();
  if (status.ok()) {
    absl::StatusOr<common::v1::Manifest> manifest = Describe(staging.path());
    status = manifest.status();
    if (status.ok()) *result->mutable_manifest() = *std::move(manifest);
  }
  if (status.ok()) status = RevealEntries(staging.path(), prefix);
  if (status.ok()) {
    runner_->files->RemoveScratch(scratch_key);
    common::v1::StageEvent event;
    *event.mutable_result() = *std::move(result);
    send(std::move(event));
  }
  return status;
}

}  // namespace foundry::worker
