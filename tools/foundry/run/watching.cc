#include "tools/foundry/run/watching.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "common/base/status.h"
#include "tools/foundry/run/outcome.h"
#include "tools/foundry/view/job_view.h"
#include "tools/foundry/view/progress_view.h"

namespace foundry::cli {
namespace {

using coordinator::v1::Job;
using coordinator::v1::State;

// Waits for SIGINT and SIGTERM on a thread of its own, so that handlers may do real work.
class InterruptWatch {
 public:
  InterruptWatch(CancelToken cancel, std::function<void()> on_interrupt) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGUSR1);  // sent by the destructor
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    thread_ = std::thread([this, cancel, on_interrupt]() mutable {
      int signal = 0;
      sigwait(&signals_, &signal);
      if (signal == SIGUSR1) return;
      // From here on a second signal ends the process by default.
      signals_off_ = true;
      pthread_sigmask(SIG_SETMASK, &before_, nullptr);
      cancel.Cancel("interrupted");
      if (on_interrupt) on_interrupt();
    });
  }
  ~InterruptWatch() {
    if (!signals_off_) pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t signals_, before_;
  std::atomic<bool> signals_off_ = false;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<Job> FollowJob(JobsClient& client, const std::string& job_id,
                              const FollowOptions& options) {
  CancelToken cancel;
  InterruptWatch interrupts(cancel, options.on_interrupt);
  FOUNDRY_ASSIGN_OR_RETURN(const Job now, client.Get(job_id));
  ProgressView view(stderr);
  view.Show(now);
  JobsClient::WatchHooks hooks;
  hooks.on_snapshot = [&view](const Job& job) { view.Show(job); };
  hooks.on_event = [&view](const coordinator::v1::Event& event) {
    if (event.severity() == "warning" || event.severity() == "error") view.Note(event);
  };
  hooks.keep_going = options.keep_going;
  absl::StatusOr<Job> ended = client.Watch(job_id, now.last_event_id(), hooks, cancel);
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
