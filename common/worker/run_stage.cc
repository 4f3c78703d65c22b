#include "common/worker/run_stage.h"

#include <exception>
#include <memory>
#include <mutex>
#include <new>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"

namespace foundry::worker {
namespace {

class StageContext : public TaskContext {
 public:
  StageContext(const StageRun& run, std::string stage, WorkFolder* files,
               telemetry::Metrics* metrics)
      : run_(run), stage_(std::move(stage)), files_(files), metrics_(metrics) {}

  const CancelToken& cancel() const override { return run_.cancel; }
  absl::StatusOr<std::filesystem::path> Fetch(const InputRef& input) override {
    FOUNDRY_ASSIGN_OR_RETURN(WorkFolder::Fetched fetched, files_->Fetch(input));
    std::lock_guard lock(mutex_);
    inputs_.push_back(std::move(fetched.hold));
    return std::move(fetched.path);
  }
  const std::filesystem::path& output() const override { return run_.output; }
  const std::filesystem::path& scratch() const override { return run_.scratch; }
  Gang* gang() override { return run_.gang; }
  void KeepState(const std::filesystem::path& folder) override {
    if (run_.keeper == nullptr) return TaskContext::KeepState(folder);
    run_.keeper->Keep(folder);
  }
  absl::StatusOr<std::filesystem::path> KeptState() override {
    if (run_.kept_state.empty()) return std::filesystem::path();
    InputRef state;
    state.manifest = run_.kept_state;
    return Fetch(state);
  }
  std::filesystem::path cache() const override { return files_->cache(); }
  void Progress(const TaskProgress& progress) override { run_.report->Progress(progress); }
  void Metric(const std::string& name, int64_t step, double value) override {
    run_.report->Metric(name, step, value);
    metrics_->Set("foundry_task_metric", "Latest value of a running task's curve.",
                  {{"stage", stage_}, {"name", name}}, value);
  }
  void Message(const std::string& text) override { run_.report->Message(text); }

 private:
  const StageRun& run_;
  const std::string stage_;
  WorkFolder* const files_;
  telemetry::Metrics* const metrics_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<const void>> inputs_;  // they stay until the end; guarded by mutex_
};

common::v1::StageResult ToResult(const StageOutput& output) {
  common::v1::StageResult result;
  for (const auto& [name, value] : output.counts) {
    common::v1::Count* count = result.add_counts();
    count->set_name(MessageText(name));
    count->set_value(value);
  }
  for (const auto& [name, value] : output.figures)
    (*result.mutable_figures())[MessageText(name)] = value;
  for (const std::string& warning : output.warnings) result.add_warnings(MessageText(warning));
  return result;
}

}  // namespace

absl::StatusOr<common::v1::StageResult> RunStage(const StageRunner& runner,
                                                 const StageRequest& request, const StageRun& run) {
  for (const Stage& stage : runner.stages) {
    const auto handler = stage.handlers.find(request.request_case());
    if (handler == stage.handlers.end()) continue;
    const telemetry::Labels labels = {{"stage", stage.name}};
    runner.metrics->Move("foundry_stage_running", "Handlers running now.", labels, 1);
    const absl::Time start = SteadyNow();
    StageContext context(run, stage.name, runner.files, runner.metrics);
    absl::StatusOr<StageOutput> output = absl::InternalError("");
    try {
      output = handler->second(request, context);
    } catch (const std::bad_alloc&) {
      output = absl::ResourceExhaustedError("out of memory");
    } catch (const std::exception& error) {  // a library's; ours return a Status
      output = absl::InternalError(absl::StrCat("unexpected: ", error.what()));
    }
    runner.metrics->Move("foundry_stage_running", "Handlers running now.", labels, -1);
    runner.metrics->ObserveSeconds("foundry_stage_seconds", "Time that handlers took.", labels,
                                   absl::ToDoubleSeconds(SteadyNow() - start));
    if (!output.ok()) return output.status();
    return ToResult(*output);
  }
  return absl::UnimplementedError("no stage of this process takes this request");
}

std::string StageOf(const StageRunner& runner, StageRequest::RequestCase request) {
  for (const Stage& stage : runner.stages) {
    if (stage.handlers.count(request) > 0) return stage.name;
  }
  return "";
}

bool IsRetryable(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return false;
    default:
      return true;
  }
}

}  // namespace foundry::worker
