#include "services/coordinator/store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/migrations.h"

namespace foundry::coordinator {

namespace {

DatabaseOptions Relaxed(const StoreOptions& store) {
  DatabaseOptions options = store.database;
  options.durable = store.durable_leases;
  options.connections = std::max(2, options.connections / 4);
  return options;
}

}  // namespace

Store::Store(StoreOptions options)
    : options_(std::move(options)), database_(options_.database), relaxed_(Relaxed(options_)) {}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(StoreOptions options) {
  FOUNDRY_RETURN_IF_ERROR(Migrate(options.database.connection_info));
  return std::unique_ptr<Store>(new Store(std::move(options)));
}

absl::Status Store::Edit(absl::string_view what, const std::string& job_id, absl::Time deadline,
                         const std::function<absl::Status(JobEdit&)>& change) {
  bool ready = false;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact(what, deadline, [&](pqxx::work& work) -> absl::Status {
    FOUNDRY_ASSIGN_OR_RETURN(JobEdit job, JobEdit::Lock(work, job_id));
    FOUNDRY_RETURN_IF_ERROR(change(job));
    ready = job.tasks_ready();
    job.Save();
    return absl::OkStatus();
  }));
  Changed(job_id, ready);
  return absl::OkStatus();
}

absl::Status Store::EditFree(
    absl::string_view what, const std::vector<std::string>& job_ids, absl::Time deadline,
    const std::function<absl::Status(pqxx::work&, std::map<std::string, JobEdit>&)>& change) {
  std::map<std::string, bool> changed;  // jobs → whether tasks became ready
  FOUNDRY_RETURN_IF_ERROR(database_.Transact(what, deadline, [&](pqxx::work& work) -> absl::Status {
    changed.clear();
    std::map<std::string, JobEdit> jobs = JobEdit::LockFree(work, job_ids);
    FOUNDRY_RETURN_IF_ERROR(change(work, jobs));
    std::vector<JobEdit*> edited;
    for (auto& [id, job] : jobs) {
      edited.push_back(&job);
      changed[id] = job.tasks_ready();
    }
    JobEdit::SaveAll(work, edited);
    return absl::OkStatus();
  }));
  for (const auto& [id, ready] : changed) Changed(id, ready);
  return absl::OkStatus();
}

void Store::Changed(const std::string& job_id, bool tasks_ready) {
  if (tasks_ready) {
    floors_.Forget(job_id);
    options_.on_tasks_ready();
  }
  options_.on_job_changed(job_id);
}

absl::Status Store::Ping(absl::Time deadline) {
  return relaxed_.Transact("ping", deadline, [](pqxx::work& work) {
    Exec(work, "SELECT 1");
    return absl::OkStatus();
  });
}

std::optional<std::string> Store::KnownJobOf(const std::string& task_id) {
  std::lock_guard lock(mutex_);
  const auto found = job_of_.find(task_id);
  if (found == job_of_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<std::string> Store::JobOf(const std::string& task_id, absl::Time deadline) {
  if (auto known = KnownJobOf(task_id); known.has_value()) return *std::move(known);
  std::string job_id;
  FOUNDRY_RETURN_IF_ERROR(
      relaxed_.Transact("job of a task", deadline, [&](pqxx::work& work) -> absl::Status {
        const pqxx::result rows =
            Exec(work, "SELECT job_id FROM tasks WHERE task_id = $1", task_id);
        if (rows.empty()) return absl::NotFoundError(absl::StrCat("no task ", task_id));
        job_id = rows[0][0].as<std::string>();
        return absl::OkStatus();
      }));
  std::lock_guard lock(mutex_);
  if (job_of_.size() >= kMostJobsOfTasks) job_of_.clear();
  job_of_[task_id] = job_id;
  return job_id;
}

}  // namespace foundry::coordinator
