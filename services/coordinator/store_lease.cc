#include "services/coordinator/store_lease.h"

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "services/coordinator/database.h"

namespace foundry::coordinator {

absl::Status StaleLease(const LeaseKey& key) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "the lease of task ", key.task_id, " with epoch ", key.epoch,
                        " has ended: the task was leased anew, cancelled or finished")),
                    "STALE_LEASE");
}

std::string Interval(absl::Duration duration) {
  return absl::StrCat(absl::ToDoubleSeconds(duration), " seconds");
}

absl::StatusOr<GrantedLease> ReadLease(const pqxx::row& row, absl::Duration duration) {
  GrantedLease grant;
  v1::Lease& lease = grant.lease;
  lease.set_task_id(row[0].as<std::string>());
  lease.set_epoch(row[1].as<int64_t>());
  lease.set_job_id(row[2].as<std::string>());
  lease.set_step(row[3].as<std::string>());
  lease.set_key(row[4].as<std::string>());
  lease.set_attempt(row[5].as<int>());
  lease.mutable_lease_duration()->set_seconds(absl::ToInt64Seconds(duration));
  lease.mutable_lease_duration()->set_nanos(
      static_cast<int>(absl::ToInt64Nanoseconds(duration % absl::Seconds(1))));
  if (!lease.mutable_request()->ParseFromString(FromBytes(row[6]))) {
    return absl::DataLossError(
        absl::StrCat("the request of task ", lease.task_id(), " cannot be read"));
  }
  grant.worker_id = row[7].as<std::string>();
  return grant;
}

bool GangWentOn(pqxx::work& work, const std::string& task_id) {
  return Exec(work,
              "UPDATE gangs g SET furthest = h.done FROM heartbeats h WHERE g.task_id = $1 AND "
              "h.task_id = $1 AND h.done > g.furthest",
              task_id)
             .affected_rows() > 0;
}

}  // namespace foundry::coordinator
