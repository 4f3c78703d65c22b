// A gang's workers and the coordinator: see foundry.coordinator.v1.GangsService. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "common/storage/artifact_store.h"
#include "common/worker/coordinator_client.h"
#include "common/worker/gang.h"
#include "common/worker/work_folder.h"

namespace foundry::worker {

// The leader's side; its lease is kept by a Heartbeat, like any other.
class LeaderLink : public Gang {
 public:
  // All must outlive it. `task` ends its calls.
  LeaderLink(CoordinatorClient* client, const coordinator::v1::Lease& lease, std::string address,
             storage::ArtifactStore* store, CancelToken task);

  const RankShare& share() const override { return share_; }
  absl::Status Share(const std::filesystem::path& folder) override;
  absl::Status Open(const std::string& rendezvous) override;
  absl::StatusOr<Meeting> Await() override;

 private:
  CoordinatorClient* const client_;
  const coordinator::v1::Lease& lease_;
  const RankShare share_;
  storage::ArtifactStore* const store_;
  const CancelToken task_;
  std::string inputs_;  // manifest
};

// The others' side: keeps the seat from a thread of its own until destroyed, and gives it back as
// soon as the worker drains. Cancels `task` when the seat is given back or lost.
class SeatLink : public Gang {
 public:
  struct Options {
    std::string address;
    absl::Duration period;  // of heartbeats
  };
  // All must outlive it.
  SeatLink(CoordinatorClient* client, const coordinator::v1::Lease& lease, const Options& options,
           WorkFolder* files, CancelToken task, CancelToken draining);
  ~SeatLink();

  const RankShare& share() const override { return share_; }
  absl::Status Share(const std::filesystem::path& folder) override;
  absl::Status Open(const std::string& rendezvous) override;
  absl::StatusOr<Meeting> Await() override;

  // The generation has ended.
  bool lost() const { return lost_; }
  bool cancelled() const { return cancelled_; }
  bool given_back() const { return given_back_; }

 private:
  void Loop();
  void Beat();

  CoordinatorClient* const client_;
  const coordinator::v1::Lease& lease_;
  const RankShare share_;
  const absl::Duration period_;
  WorkFolder* const files_;
  CancelToken task_;
  const CancelToken draining_;
  std::atomic<bool> lost_ = false, cancelled_ = false, given_back_ = false;
  CancelToken stop_, met_;
  std::mutex mutex_;
  std::string rendezvous_, inputs_;          // guarded by mutex_
  std::shared_ptr<const void> inputs_hold_;  // guarded by mutex_
  std::thread thread_;                       // last: it uses everything above
};

}  // namespace foundry::worker
