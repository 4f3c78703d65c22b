// The starts of leases, told in their jobs' events after the claims, which lock no job.
#include <map>
#include <utility>

#include "common/base/status.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/lease_sql.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {
namespace {

// The starts of these leases that were not told yet, now marked as told, with their jobs.
std::vector<std::pair<std::string, LeaseStart>> Announced(pqxx::work& work,
                                                          const std::vector<std::string>& tasks,
                                                          const std::vector<int64_t>& epochs) {
  std::vector<std::pair<std::string, LeaseStart>> starts;
  for (const auto& row : Exec(work, kAnnounceSql, TextArray(tasks), NumberArray(epochs))) {
    starts.emplace_back(
        row[0].as<std::string>(),
        LeaseStart{row[1].as<std::string>(), row[2].as<std::string>(), row[3].as<std::string>(),
                   row[4].as<int>(), row[5].as<int64_t>()});
  }
  return starts;
}

}  // namespace

struct Store::HeldLeases {
  std::vector<std::string> tasks;
  std::vector<int64_t> epochs;

  void Add(const std::string& task, int64_t epoch) {
    tasks.push_back(task);
    epochs.push_back(epoch);
  }
  void Add(const HeldLeases& more) {
    tasks.insert(tasks.end(), more.tasks.begin(), more.tasks.end());
    epochs.insert(epochs.end(), more.epochs.begin(), more.epochs.end());
  }
};

absl::Status Store::RecordStarts(const std::vector<GrantedLease>& leases, absl::Time deadline) {
  if (leases.empty()) return absl::OkStatus();
  std::vector<std::string> ids;
  std::vector<int64_t> epochs;
  for (const GrantedLease& grant : leases) {
    ids.push_back(grant.lease.task_id());
    epochs.push_back(grant.lease.epoch());
  }
  // Quick tasks have ended by now, and their starts been told with their ends: they must not cost
  // their jobs a lock and a durable commit.
  std::map<std::string, HeldLeases> by_job;
  FOUNDRY_RETURN_IF_ERROR(
      relaxed_.Singly("starts to record", deadline, [&](pqxx::transaction_base& work) {
        by_job.clear();
        for (const auto& row : Exec(work, kToAnnounceSql, TextArray(ids), NumberArray(epochs))) {
          by_job[row[0].as<std::string>()].Add(row[1].as<std::string>(), row[2].as<int64_t>());
        }
        return absl::OkStatus();
      }));
  if (by_job.size() > 1) FOUNDRY_RETURN_IF_ERROR(RecordFreeStarts(&by_job, deadline));
  for (const auto& [job_id, held] : by_job) {
    FOUNDRY_RETURN_IF_ERROR(
        Edit("record starts", job_id, deadline, [&held = held](JobEdit& job) -> absl::Status {
          for (const auto& [of, start] : Announced(job.work(), held.tasks, held.epochs)) {
            FOUNDRY_RETURN_IF_ERROR(job.Announce(start));
          }
          return absl::OkStatus();
        }));
  }
  return absl::OkStatus();
}

absl::Status Store::RecordFreeStarts(std::map<std::string, HeldLeases>* by_job,
                                     absl::Time deadline) {
  std::vector<std::string> wanted;
  for (const auto& [job_id, held] : *by_job) wanted.push_back(job_id);
  std::vector<std::string> recorded;
  FOUNDRY_RETURN_IF_ERROR(
      EditFree("record starts", wanted, deadline,
               [&](pqxx::work& work, std::map<std::string, JobEdit>& jobs) -> absl::Status {
                 recorded.clear();
                 HeldLeases held;
                 for (const auto& [job_id, job] : jobs) {
                   held.Add(by_job->at(job_id));
                   recorded.push_back(job_id);
                 }
                 for (const auto& [job_id, start] : Announced(work, held.tasks, held.epochs)) {
                   FOUNDRY_RETURN_IF_ERROR(jobs.at(job_id).Announce(start));
                 }
                 return absl::OkStatus();
               }));
  for (const std::string& job_id : recorded) by_job->erase(job_id);
  return absl::OkStatus();
}

}  // namespace foundry::coordinator
