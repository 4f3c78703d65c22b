// What the store's files about leases share. Internal to the store. Thread-safe (no state).
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

// How long the end of a lease waits for a job's row that something else holds.
inline constexpr absl::Duration kHeldRow = absl::Seconds(1);

// FailedPrecondition with reason STALE_LEASE.
absl::Status StaleLease(const LeaseKey& key);

// "30 seconds": an interval.
std::string Interval(absl::Duration duration);

// Of a row task_id, epoch, job_id, step, key, attempt, request, worker_id, …
absl::StatusOr<GrantedLease> ReadLease(const pqxx::row& row, absl::Duration duration);

// Whether a task that several workers run has gone on since this was asked last, at the end of the
// generation before; false for all others. The heartbeat's row must still be there.
bool GangWentOn(pqxx::work& work, const std::string& task_id);

}  // namespace foundry::coordinator
