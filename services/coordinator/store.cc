#include "services/coordinator/store.h"

#include <utility>

#include "common/base/status.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/migrations.h"

namespace foundry::coordinator {

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
    return job.Save();
  }));
  if (ready) options_.on_tasks_ready();
  options_.on_job_changed(job_id);
  return absl::OkStatus();
}

}  // namespace foundry::coordinator
