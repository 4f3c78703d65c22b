// run, up, down: pipelines and services on this machine.
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "tools/foundry/commands.h"
#include "tools/foundry/jobs_client.h"
#include "tools/foundry/local/local_cluster.h"
#include "tools/foundry/run/estimate.h"
#include "tools/foundry/run/interrupts.h"
#include "tools/foundry/run/preflight.h"
#include "tools/foundry/run/spec_loading.h"
#include "tools/foundry/run/watching.h"

namespace foundry::cli {
namespace {

using coordinator::v1::Job;
using coordinator::v1::State;

struct RunOptions {
  std::string spec;
  std::vector<std::string> settings;
  std::string coordinator;
  bool dry_run = false;
  Output output = Output::kTable;
};

// The job of this spec: made, found running, or put back to work after it failed.
absl::StatusOr<Job> JobFor(JobsClient& client, const LoadedSpec& loaded) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job job, client.Create(loaded.request_id, loaded.spec));
  const bool unfinished = job.state() == State::STATE_FAILED ||
                          job.state() == State::STATE_CANCELLED ||
                          job.state() == State::STATE_QUARANTINED;
  if (!unfinished) return job;
  std::fprintf(stderr, "job %s had stopped; resuming it\n", job.job_id().c_str());
  return client.Retry(job.job_id());
}

absl::StatusOr<int> RunOn(const RunOptions& options, const LoadedSpec& loaded,
                          const std::string& address, const FollowOptions& follow) {
  FOUNDRY_ASSIGN_OR_RETURN(auto client, JobsClient::Connect(address));
  FOUNDRY_RETURN_IF_ERROR(
      client->WaitUntilServing(absl::Seconds(60), follow.cancel, follow.keep_going));
  FOUNDRY_ASSIGN_OR_RETURN(const Job job, JobFor(*client, loaded));
  std::fprintf(stderr, "job %s  %s → %s\n", job.job_id().c_str(), job.name().c_str(),
               loaded.spec.output_dir().c_str());
  FOUNDRY_ASSIGN_OR_RETURN(const Job ended, FollowJob(*client, job.job_id(), follow));
  return PrintOutcome(ended, options.output);
}

absl::StatusOr<int> Run(const RunOptions& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const LoadedSpec loaded, LoadSpec(options.spec, options.settings));
  if (options.dry_run) return PrintPlan(loaded.spec, options.output);
  FOUNDRY_RETURN_IF_ERROR(Preflight(loaded.spec));
  FollowOptions follow;
  std::atomic<bool> ours = options.coordinator.empty();  // the services end with this command
  // Before the services' and the connection's threads, and until the services have ended.
  const InterruptWatch interrupts(follow.cancel, [&] {
    std::fprintf(
        stderr, "\n%s; the same command resumes:\n  foundry run %s\n",
        ours ? "stopping: running tasks are given back" : "no longer watching; the job goes on",
        options.spec.c_str());
  });
  std::unique_ptr<LocalCluster> cluster;
  std::string address = options.coordinator;
  if (address.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(cluster, LocalCluster::Start());
    address = cluster->coordinator();
    ours = !cluster->attached();
    follow.keep_going = [&] {
      const absl::Status health = cluster->Health();
      ours = !cluster->attached();
      return health;
    };
  }
  const absl::StatusOr<int> code = RunOn(options, loaded, address, follow);
  if (follow.cancel.Cancelled() && absl::IsCancelled(code.status())) return kInterrupted;
  return code;
}

// Holds the services until a signal: what `foundry up` runs in the background.
absl::StatusOr<int> Serve() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  FOUNDRY_ASSIGN_OR_RETURN(auto cluster, LocalCluster::Start());
  if (cluster->attached()) {
    return absl::AlreadyExistsError(
        absl::StrCat("services are running already, at ", cluster->coordinator()));
  }
  FOUNDRY_RETURN_IF_ERROR(cluster->RecordOwner());
  std::printf("%s\n", cluster->coordinator().c_str());
  std::fflush(stdout);
  const timespec second = {.tv_sec = 1, .tv_nsec = 0};
  while (sigtimedwait(&signals, nullptr, &second) < 0) {
    FOUNDRY_RETURN_IF_ERROR(cluster->Health());
  }
  return kOk;
}

int Code(const absl::StatusOr<int>& code) { return code.ok() ? *code : Report(code.status()); }

}  // namespace

void RegisterRun(Frame& frame) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* run = frame.Add("run", "Run a pipeline to its end; the same command resumes it");
  run->add_option("spec", options->spec, "the pipeline's YAML file")->required();
  run->add_option("--set", options->settings, "override: key.path=value");
  run->add_option("--coordinator", options->coordinator,
                  "use this coordinator instead of private services on this machine");
  run->add_flag("--dry-run", options->dry_run,
                "print the plan with an estimate of time, memory and tokens, and run nothing");
  Frame::AddOutput(run, &options->output);
  frame.On(run, [options] { return Code(Run(*options)); });

  frame.On(frame.Add("up", "Run the services on this machine until Ctrl-C or `foundry down`"),
           [] { return Code(Serve()); });
  frame.On(frame.Add("down", "Stop the services that `foundry up` runs"),
           [] { return Report(LocalCluster::StopOwner()); });
}

}  // namespace foundry::cli
