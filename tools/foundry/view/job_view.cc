#include "tools/foundry/view/job_view.h"

#include <google/protobuf/util/json_util.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tools/foundry/view/progress_view.h"
#include "tools/foundry/view/table.h"

namespace foundry::cli {
namespace {

using coordinator::v1::Job;
using coordinator::v1::State;
using coordinator::v1::Step;
using coordinator::v1::Task;

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string Age(const google::protobuf::Timestamp& since) {
  return HumanDuration(absl::ToDoubleSeconds(absl::Now() - absl::FromUnixSeconds(since.seconds())));
}

std::string TaskDetail(const Task& task) {
  if (!task.reason().empty()) return task.reason();
  if (task.state() != State::STATE_RUNNING) return "";
  const auto& progress = task.progress();
  if (progress.total() <= 0) return progress.message();
  return absl::StrFormat("%.0f/%.0f %s  %s", progress.done(), progress.total(), progress.unit(),
                         progress.message());
}

}  // namespace

Json MessageJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return Json();
  return Json::parse(text, nullptr, false);
}

std::string StateName(State state) {
  std::string name = coordinator::v1::State_Name(state);
  name.erase(0, sizeof("STATE_") - 1);
  return absl::AsciiStrToLower(name);
}

std::string JobsTable(const coordinator::v1::ListJobsResponse& response) {
  std::vector<std::vector<std::string>> rows = {{"JOB", "NAME", "STATE", "STEP", "AGE"}};
  for (const Job& job : response.jobs()) {
    std::string at;
    for (const Step& step : job.steps()) {
      if (step.state() == State::STATE_RUNNING || step.state() == State::STATE_FAILED)
        at = step.name();
    }
    rows.push_back({job.job_id(), job.name(), StateName(job.state()), at, Age(job.create_time())});
  }
  return FormatTable(rows);
}

std::string JobDetails(const Job& job) {
  std::string text = absl::StrCat("job     ", job.job_id(), "\nname    ", job.name(), "\nstate   ",
                                  StateName(job.state()), "\nmade    ", TimeText(job.create_time()),
                                  "\noutput  ", job.spec().output_dir(), "\n");
  if (!job.reason().empty()) absl::StrAppend(&text, "reason  ", job.reason(), "\n");
  std::vector<std::vector<std::string>> rows = {
      {"STEP", "TASK", "STATE", "ATTEMPT", "IN STATE", "DETAIL"}};
  for (const Step& step : job.steps()) {
    rows.push_back({step.name(), "", StateName(step.state()), "", "",
                    absl::StrFormat("%.0f%%", step.fraction() * 100)});
    for (const Task& task : step.tasks()) {
      rows.push_back({"", task.key(), StateName(task.state()), absl::StrCat(task.attempt()),
                      task.has_state_time() ? Age(task.state_time()) : "", TaskDetail(task)});
    }
    int64_t total = 0;
    for (const auto& count : step.task_counts()) total += count.count();
    if (total > step.tasks_size()) {
      rows.push_back({"", absl::StrCat("… of ", total, " tasks"), "", "", "", ""});
    }
  }
  return absl::StrCat(text, "\n", FormatTable(rows));
}

std::string EventLine(const coordinator::v1::Event& event) {
  return absl::StrCat(TimeText(event.time()), "  ", event.severity(), "  ", event.step(),
                      event.task_key().empty() ? "" : " ", event.task_key(),
                      event.step().empty() ? "" : ": ", event.message());
}

}  // namespace foundry::cli
