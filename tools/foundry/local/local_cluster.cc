#include "tools/foundry/local/local_cluster.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/cancel.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/postgres/local_server.h"

namespace foundry::cli {
namespace fs = std::filesystem;
namespace {

constexpr absl::Duration kDrainGrace = absl::Seconds(30);

fs::path OwnerFile(const StateFolder& state) { return state.root / "owner.pid"; }

}  // namespace

std::string SiblingProgram(const std::string& name) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / name).string();
}

absl::StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Start(
    const LocalClusterOptions& options) {
  std::unique_ptr<LocalCluster> cluster(new LocalCluster(options));
  FOUNDRY_ASSIGN_OR_RETURN(cluster->state_, OpenStateFolder());
  FOUNDRY_RETURN_IF_ERROR(cluster->Own());
  return cluster;
}

absl::Status LocalCluster::Own() {
  absl::StatusOr<FileLock> lock = FileLock::TryTake(state_.lock());
  if (absl::IsUnavailable(lock.status())) return absl::OkStatus();
  FOUNDRY_RETURN_IF_ERROR(lock.status());
  lock_ = std::make_unique<FileLock>(*std::move(lock));
  attached_ = false;
  return StartProcesses();
}

absl::Status LocalCluster::StartProcesses() {
  FOUNDRY_ASSIGN_OR_RETURN(database_, postgres::LocalServer::Start({.folder = state_.postgres()}));
  // A socket left by a crash would make clients of the new coordinator wait on the old one.
  const std::string socket(absl::StripPrefix(state_.coordinator(), "unix:"));
  unlink(socket.c_str());

  supervisor_ = std::make_unique<Supervisor>();
  const std::string artifacts = absl::StrCat("--artifacts=", state_.artifacts().string());
  const std::string temporary = absl::StrCat("unix:", (state_.root / "node.sock").string());
  FOUNDRY_RETURN_IF_ERROR(
      supervisor_->Start({.name = "coordinator",
                          .argv = {SiblingProgram("foundry-coordinator"),
                                   absl::StrCat("--database=", database_->ConnectionInfo()),
                                   absl::StrCat("--listen=", state_.coordinator()), artifacts},
                          .log = state_.logs() / "coordinator.log"}));
  return supervisor_->Start({.name = "node",
                             .argv = {SiblingProgram("foundry-node"),
                                      absl::StrCat("--coordinator=", state_.coordinator()),
                                      absl::StrCat("--listen=", temporary), artifacts,
                                      absl::StrCat("--work-dir=", state_.work().string()),
                                      absl::StrCat("--metrics-port=", options_.metrics_port)},
                             .log = state_.logs() / "node.log"});
}

LocalCluster::LocalCluster(const LocalClusterOptions& options) : options_(options) {}

LocalCluster::~LocalCluster() { Drain(); }

absl::Status LocalCluster::Health() {
  std::lock_guard lock(mutex_);
  if (attached_) {
    FOUNDRY_RETURN_IF_ERROR(Own());
    if (!attached_) std::fprintf(stderr, "the services' owner has ended; they run here now\n");
  }
  return supervisor_ == nullptr ? absl::OkStatus() : supervisor_->Failure();
}

void LocalCluster::Drain() {
  std::lock_guard lock(mutex_);
  if (supervisor_ != nullptr) supervisor_->Stop(kDrainGrace);
  if (database_ != nullptr) (void)database_->Stop();
  if (lock_ != nullptr) {
    std::error_code ignored;
    fs::remove(OwnerFile(state_), ignored);
  }
}

absl::Status LocalCluster::RecordOwner() const {
  return WriteFileAtomic(OwnerFile(state_), absl::StrCat(getpid(), "\n"));
}

absl::Status LocalCluster::StopOwner() {
  FOUNDRY_ASSIGN_OR_RETURN(const StateFolder state, OpenStateFolder());
  if (FileLock::TryTake(state.lock()).ok()) {
    return absl::NotFoundError("no services are running on this machine");
  }
  FOUNDRY_ASSIGN_OR_RETURN(const std::string text, ReadFile(OwnerFile(state)));
  int pid = 0;
  if (!absl::SimpleAtoi(absl::StripSuffix(text, "\n"), &pid) || kill(pid, SIGTERM) != 0) {
    return absl::InternalError(
        absl::StrCat(OwnerFile(state).string(), ": the process it names cannot be reached"));
  }
  const absl::Time give_up = SteadyNow() + kDrainGrace + absl::Seconds(15);
  const CancelToken never;
  while (SteadyNow() < give_up) {
    // Another command that waited for it may have the lock by now.
    const bool gone = kill(pid, 0) != 0 && errno == ESRCH;
    if (gone || FileLock::TryTake(state.lock()).ok()) return absl::OkStatus();
    never.WaitFor(absl::Milliseconds(100));
  }
  return absl::DeadlineExceededError(absl::StrCat("process ", pid, " does not end"));
}

}  // namespace foundry::cli
