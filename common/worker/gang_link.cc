#include "common/worker/gang_link.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/storage/manifest.h"
#include "common/telemetry/log.h"

namespace foundry::worker {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(50);  // for a drain, between heartbeats

RankShare ShareOf(const coordinator::v1::Lease& lease, std::string address) {
  return {lease.seat().first_rank(), lease.seat().ranks(), lease.seat().world_size(), lease.epoch(),
          std::move(address)};
}

absl::Status NotMine(const char* what) {
  return absl::FailedPreconditionError(absl::StrCat(what, ": for another worker of the gang"));
}

}  // namespace

LeaderLink::LeaderLink(CoordinatorClient* client, const coordinator::v1::Lease& lease,
                       std::string address, storage::ArtifactStore* store, CancelToken task)
    : client_(client),
      lease_(lease),
      share_(ShareOf(lease, std::move(address))),
      store_(store),
      task_(std::move(task)) {}

absl::Status LeaderLink::Share(const std::filesystem::path& folder) {
  FOUNDRY_ASSIGN_OR_RETURN(const storage::StoredManifest stored,
                           storage::PutFolder(folder, store_));
  inputs_ = stored.sha256;
  return absl::OkStatus();
}

absl::Status LeaderLink::Open(const std::string& rendezvous) {
  const absl::Status status = client_->OpenMeeting(lease_, rendezvous, inputs_, task_);
  return IsStaleLease(status) ? absl::AbortedError(status.message()) : status;
}

absl::StatusOr<Meeting> LeaderLink::Await() { return NotMine("Await"); }

SeatLink::SeatLink(CoordinatorClient* client, const coordinator::v1::Lease& lease,
                   const Options& options, WorkFolder* files, CancelToken task,
                   CancelToken draining)
    : client_(client),
      lease_(lease),
      share_(ShareOf(lease, options.address)),
      period_(options.period),
      files_(files),
      task_(std::move(task)),
      draining_(std::move(draining)),
      thread_([this, fields = telemetry::CurrentLogFields()] {
        const telemetry::LogScope scope(fields);
        Loop();
      }) {}

SeatLink::~SeatLink() {
  stop_.Cancel("the seat's work ended");
  thread_.join();
}

absl::Status SeatLink::Share(const std::filesystem::path&) { return NotMine("Share"); }
absl::Status SeatLink::Open(const std::string&) { return NotMine("Open"); }

absl::StatusOr<Meeting> SeatLink::Await() {
  while (!met_.WaitFor(kLook)) FOUNDRY_RETURN_IF_ERROR(task_.Check());
  Meeting meeting;
  std::string inputs;
  {
    std::lock_guard lock(mutex_);
    meeting.rendezvous = rendezvous_;
    inputs = inputs_;
  }
  InputRef ref;
  ref.manifest = inputs;
  FOUNDRY_ASSIGN_OR_RETURN(WorkFolder::Fetched fetched, files_->Fetch(ref));
  meeting.inputs = std::move(fetched.path);
  std::lock_guard lock(mutex_);
  inputs_hold_ = std::move(fetched.hold);
  return meeting;
}

void SeatLink::Loop() {
  while (!lost_ && !given_back_ && !stop_.Cancelled()) {
    Beat();
    const absl::Time next = SteadyNow() + period_;
    while (SteadyNow() < next && !stop_.WaitFor(kLook)) {
      if (!draining_.Cancelled()) continue;
      // Before the ranks end: what ends with them elsewhere must not look like a failure.
      const absl::Status status =
          client_->LeaveSeat(lease_, coordinator::v1::LEAVE_REASON_RELEASED, "", draining_);
      if (!status.ok() && !IsStaleLease(status)) {
        telemetry::LogWarning("the coordinator did not take the seat back",
                              {{"error", std::string(status.message())}});
      }
      given_back_ = true;
      task_.Cancel("the worker is shutting down");
      return;
    }
  }
}

void SeatLink::Beat() {
  const auto response = client_->HeartbeatSeat(lease_);
  if (response.ok()) {
    if (response->cancel() && !cancelled_.exchange(true)) {
      telemetry::LogInfo("the job was cancelled");
      task_.Cancel("the job was cancelled");
    }
    if (!response->rendezvous().empty() && !met_.Cancelled()) {
      {
        std::lock_guard lock(mutex_);
        rendezvous_ = response->rendezvous();
        inputs_ = response->inputs();
      }
      met_.Cancel("the meeting is open");
    }
    return;
  }
  if (IsTransient(response.status())) {
    // The generation protects the others if the seat runs out meanwhile; work goes on.
    telemetry::LogWarning("heartbeat of a seat did not get through",
                          {{"error", std::string(response.status().message())}});
    return;
  }
  lost_ = true;
  telemetry::LogInfo("the gang's generation has ended",
                     {{"reason", std::string(response.status().message())}});
  task_.Cancel("the gang's generation has ended");
}

}  // namespace foundry::worker
