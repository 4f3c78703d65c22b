// What clients, workers and the maintenance loop ask of a store, and a clock that moves by hand:
// the contract that every store keeps, and all that the conformance suite and the simulation know
// of one. The calls mean what they mean in store.h.
//
// Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

// One coordinator's view of the shared state.
class TaskStore {
 public:
  virtual ~TaskStore() = default;

  virtual absl::StatusOr<std::string> CreateJob(const std::string& request_id,
                                                const pipeline::v1::PipelineSpec& spec,
                                                const InputFacts& facts) = 0;
  virtual absl::Status CancelJob(const std::string& job_id, const std::string& reason) = 0;
  virtual absl::Status RetryJob(const std::string& job_id) = 0;
  virtual absl::StatusOr<v1::Job> GetJob(const std::string& job_id) = 0;
  virtual absl::StatusOr<std::vector<v1::Event>> Events(const std::string& job_id) = 0;

  virtual absl::StatusOr<std::vector<GrantedLease>> Lease(const LeaseQuery& query) = 0;
  virtual absl::StatusOr<bool> Heartbeat(const v1::HeartbeatRequest& request) = 0;
  virtual absl::Status Complete(const v1::CompleteTaskRequest& request) = 0;
  virtual absl::Status Fail(const v1::FailTaskRequest& request) = 0;
  virtual absl::Status Release(const LeaseKey& key) = 0;

  virtual absl::StatusOr<Gathered> Gather(const LeaseQuery& query, Store::GangTurn turn) = 0;
  virtual absl::Status OpenMeeting(const v1::OpenMeetingRequest& request) = 0;
  virtual absl::StatusOr<v1::HeartbeatSeatResponse> HeartbeatSeat(const LeaseKey& key) = 0;
  virtual absl::Status LeaveSeat(const v1::LeaveSeatRequest& request) = 0;
  virtual absl::Status RegisterCheckpoint(const LeaseKey& key, const std::string& manifest) = 0;

  virtual absl::StatusOr<int> ExpireLeases() = 0;
};

// Coordinators on one shared state and clock.
class StoreWorld {
 public:
  virtual ~StoreWorld() = default;
  virtual TaskStore& store(int coordinator) = 0;
  virtual int coordinators() const = 0;
  // The coordinator dies and comes back; the shared state stays.
  virtual void Restart(int coordinator) = 0;
  // Time passes for leases and pauses.
  virtual void Advance(absl::Duration duration) = 0;
};

// Makes a world with empty state. `options.database` is the world's own affair.
using WorldFactory = std::function<std::unique_ptr<StoreWorld>(const StoreOptions& options)>;

// Two coordinators in this process's memory: a million schedules in minutes.
std::unique_ptr<StoreWorld> NewMemoryWorld(const StoreOptions& options);
// Two Stores on one database of the shared private PostgreSQL. Its clock also moves by itself, so
// leases and pauses should be long.
std::unique_ptr<StoreWorld> NewPostgresWorld(const StoreOptions& options);

}  // namespace foundry::coordinator
