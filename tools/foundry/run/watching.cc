#include "tools/foundry/run/watching.h"

#include <cstdio>

#include "common/base/status.h"
#include "tools/foundry/run/outcome.h"
#include "tools/foundry/view/job_view.h"
#include "tools/foundry/view/progress_view.h"

namespace foundry::cli {
namespace {

using coordinator::v1::Job;
using coordinator::v1::State;

}  // namespace

absl::StatusOr<Job> FollowJob(JobsClient& client, const std::string& job_id,
                              const FollowOptions& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job now, client.Get(job_id));
  ProgressView view(stderr);
  view.Show(now);
  JobsClient::WatchHooks hooks;
  hooks.on_snapshot = [&view](const Job& job) { view.Show(job); };
  hooks.on_event = [&view](const coordinator::v1::Event& event) {
    if (event.severity() == "warning" || event.severity() == "error") view.Note(event);
  };
  hooks.keep_going = options.keep_going;
  absl::StatusOr<Job> ended = client.Watch(job_id, now.last_event_id(), hooks, options.cancel);
  view.Finish();
  if (!ended.ok()) return ended.status();
  return client.Get(job_id);
}

int PrintOutcome(const Job& job, Output output) {
  if (output == Output::kJson) {
    PrintJson(MessageJson(job));
  } else if (job.state() == State::STATE_SUCCEEDED) {
    std::fputs(OutcomeText(job.spec().output_dir()).c_str(), stdout);
  } else {
    std::fprintf(stderr, "job %s %s%s%s\n", job.job_id().c_str(), StateName(job.state()).c_str(),
                 job.reason().empty() ? "" : ": ", job.reason().c_str());
  }
  return job.state() == State::STATE_SUCCEEDED ? kOk : kFailed;
}

}  // namespace foundry::cli
