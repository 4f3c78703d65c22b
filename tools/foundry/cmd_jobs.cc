// submit, list, get, watch, logs, cancel, retry, artifacts, report: jobs on a coordinator.
#include <cstdio>
#include <functional>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "tools/foundry/commands.h"
#include "tools/foundry/coordinator_address.h"
#include "tools/foundry/jobs_client.h"
#include "tools/foundry/run/interrupts.h"
#include "tools/foundry/run/spec_loading.h"
#include "tools/foundry/run/watching.h"
#include "tools/foundry/view/job_view.h"
#include "tools/foundry/view/table.h"

namespace foundry::cli {
namespace {

using coordinator::v1::Job;
using coordinator::v1::State;

constexpr absl::Duration kPatience = absl::Seconds(5);  // of a command at a silent coordinator

struct Options {
  std::string coordinator;
  std::string job_id;
  std::string spec;
  std::vector<std::string> settings;
  std::string reason;
  std::string state;
  std::string step;
  int page_size = 50;
  std::string page_token;
  bool follow = false;
  Output output = Output::kTable;
};

using Shared = std::shared_ptr<Options>;
using Body = std::function<absl::StatusOr<int>(const Options&, JobsClient&, const CancelToken&)>;

// Connects, runs the body, turns its status into the exit code. A body that `waits` is cancelled by
// Ctrl-C, which ends the others at once.
std::function<int()> WithClient(Shared options, Body body, bool waits) {
  return [options, body, waits] {
    const CancelToken cancel;
    std::unique_ptr<InterruptWatch> interrupts;
    if (waits) interrupts = std::make_unique<InterruptWatch>(cancel, nullptr);
    absl::StatusOr<std::unique_ptr<JobsClient>> client =
        JobsClient::Connect(CoordinatorAddress(options->coordinator));
    if (!client.ok()) return Report(client.status());
    if (absl::Status serving = (*client)->WaitUntilServing(kPatience, cancel); !serving.ok()) {
      return Report(Annotate(serving, CoordinatorAddress(options->coordinator) +
                                          " (`foundry up` starts services on this machine)"));
    }
    absl::StatusOr<int> code = body(*options, **client, cancel);
    return code.ok() ? *code : Report(code.status());
  };
}

int Print(const Options& options, const Job& job) {
  if (options.output == Output::kJson) {
    PrintJson(MessageJson(job));
  } else {
    std::fputs(JobDetails(job).c_str(), stdout);
  }
  return kOk;
}

std::function<int()> Submit(Shared options) {
  return [options] {
    // Before the connection: what is wrong with a spec can be told without a coordinator.
    const absl::StatusOr<LoadedSpec> loaded = LoadSpec(options->spec, options->settings);
    if (!loaded.ok()) return Report(loaded.status());
    const Body create = [&loaded](const Options& options, JobsClient& client,
                                  const CancelToken&) -> absl::StatusOr<int> {
      FOUNDRY_ASSIGN_OR_RETURN(const Job job, client.Create(loaded->request_id, loaded->spec));
      if (options.output == Output::kJson) return Print(options, job);
      std::printf("%s\n", job.job_id().c_str());
      return kOk;
    };
    return WithClient(options, create, false)();
  };
}

absl::StatusOr<int> List(const Options& options, JobsClient& client, const CancelToken&) {
  coordinator::v1::ListJobsRequest request;
  request.set_page_size(options.page_size);
  request.set_page_token(options.page_token);
  if (!options.state.empty()) {
    State state;
    if (!coordinator::v1::State_Parse(absl::StrCat("STATE_", absl::AsciiStrToUpper(options.state)),
                                      &state)) {
      return absl::InvalidArgumentError(absl::StrCat("--state: no such state: ", options.state));
    }
    request.set_state(state);
  }
  FOUNDRY_ASSIGN_OR_RETURN(const auto response, client.List(request));
  if (options.output == Output::kJson) {
    PrintJson(MessageJson(response));
  } else {
    std::fputs(JobsTable(response).c_str(), stdout);
    if (!response.next_page_token().empty()) {
      std::fprintf(stderr, "more: --page-token %s\n", response.next_page_token().c_str());
    }
  }
  return kOk;
}

absl::StatusOr<int> Get(const Options& options, JobsClient& client, const CancelToken&) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job job, client.Get(options.job_id));
  return Print(options, job);
}

absl::StatusOr<int> Watch(const Options& options, JobsClient& client, const CancelToken& cancel) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job job, FollowJob(client, options.job_id, {.cancel = cancel}));
  if (options.output == Output::kJson) PrintJson(MessageJson(job));
  return job.state() == State::STATE_SUCCEEDED ? kOk : kFailed;
}

// Prints events; without --follow it ends with the last one recorded.
absl::StatusOr<int> Logs(const Options& options, JobsClient& client,
                         const CancelToken& interrupted) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job now, client.Get(options.job_id));
  CancelToken cancel = interrupted;
  bool all_printed = false;
  JobsClient::WatchHooks hooks;
  int64_t seen = 0;
  auto stop_at_end = [&] {
    all_printed = !options.follow && seen >= now.last_event_id();
    if (all_printed) cancel.Cancel("all events printed");
  };
  hooks.on_event = [&](const coordinator::v1::Event& event) {
    seen = event.event_id();
    if (options.step.empty() || event.step() == options.step) {
      if (options.output == Output::kJson) {
        PrintJson(MessageJson(event));
      } else {
        std::printf("%s\n", EventLine(event).c_str());
      }
    }
    stop_at_end();
  };
  stop_at_end();
  const absl::Status status = client.Watch(options.job_id, 0, hooks, cancel).status();
  return status.ok() || all_printed ? absl::StatusOr<int>(kOk) : status;
}

absl::StatusOr<int> Cancel(const Options& options, JobsClient& client, const CancelToken&) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job job, client.Cancel(options.job_id, options.reason));
  return Print(options, job);
}

absl::StatusOr<int> Retry(const Options& options, JobsClient& client, const CancelToken&) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job job, client.Retry(options.job_id));
  return Print(options, job);
}

absl::StatusOr<int> Artifacts(const Options& options, JobsClient& client, const CancelToken&) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job job, client.Get(options.job_id));
  Json list = Json::array();
  std::vector<std::vector<std::string>> rows = {{"STEP", "TASK", "FILE", "BYTES", "SHA256"}};
  for (const auto& step : job.steps()) {
    if (!options.step.empty() && step.name() != options.step) continue;
    for (const auto& task : step.tasks()) {
      for (const auto& artifact : task.result().manifest().artifacts()) {
        rows.push_back({step.name(), task.key(), artifact.name(),
                        absl::StrCat(artifact.size_bytes()), artifact.sha256().substr(0, 16)});
        Json row = MessageJson(artifact);
        row["step"] = step.name();
        row["task"] = task.key();
        list.push_back(row);
      }
    }
  }
  if (options.output == Output::kJson) {
    PrintJson(list);
  } else {
    std::fputs(FormatTable(rows).c_str(), stdout);
  }
  return kOk;
}

absl::StatusOr<int> ShowReport(const Options& options, JobsClient& client, const CancelToken&) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job job, client.Get(options.job_id));
  return PrintOutcome(job, options.output);
}

}  // namespace

void RegisterJobs(Frame& frame) {
  struct Row {
    const char* name;
    const char* help;
    Body body;
    bool takes_job;
  };
  const Row rows[] = {
      {"submit", "Hand a spec to a coordinator and print the job's id", nullptr, false},
      {"list", "Jobs, newest first", &List, false},
      {"get", "One job: its steps, tasks, and why what waits is waiting", &Get, true},
      {"watch", "Follow a job's progress until it ends", &Watch, true},
      {"logs", "Events of a job", &Logs, true},
      {"cancel", "Stop a job", &Cancel, true},
      {"retry", "Put a job's failed, cancelled and quarantined tasks back to work", &Retry, true},
      {"artifacts", "Files that a job's tasks made", &Artifacts, true},
      {"report", "A finished job's before/after table and where its report lies", &ShowReport,
       true},
  };
  for (const Row& row : rows) {
    auto options = std::make_shared<Options>();
    CLI::App* command = frame.Add(row.name, row.help);
    command->add_option("--coordinator", options->coordinator,
                        "host:port or unix:path; default $FOUNDRY_COORDINATOR, else the local one");
    Frame::AddOutput(command, &options->output);
    if (row.takes_job) command->add_option("job", options->job_id, "id of the job")->required();
    const std::string name = row.name;
    if (name == "submit") {
      command->add_option("spec", options->spec, "the pipeline's YAML file")->required();
      command->add_option("--set", options->settings, "override: key.path=value");
    } else if (name == "list") {
      command->add_option("--state", options->state, "only jobs in this state");
      command->add_option("--page-size", options->page_size, "most jobs printed")
          ->check(CLI::Range(1, 500));
      command->add_option("--page-token", options->page_token, "from the page before");
    } else if (name == "cancel") {
      command->add_option("--reason", options->reason, "recorded with the job");
    } else if (name == "logs") {
      command->add_flag("-f,--follow", options->follow, "go on until the job ends");
    }
    if (name == "logs" || name == "artifacts") {
      command->add_option("--step", options->step, "only this step");
    }
    frame.On(command, name == "submit"
                          ? Submit(options)
                          : WithClient(options, row.body, name == "watch" || name == "logs"));
  }
}

}  // namespace foundry::cli
