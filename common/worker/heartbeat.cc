#include "common/worker/heartbeat.h"

#include <utility>

#include "common/telemetry/log.h"

namespace foundry::worker {

Heartbeat::Heartbeat(CoordinatorClient* client, const coordinator::v1::Lease& lease,
                     TaskReport* report, CancelToken task, absl::Duration period)
    : client_(client),
      task_id_(lease.task_id()),
      epoch_(lease.epoch()),
      report_(report),
      task_(std::move(task)),
      period_(period),
      thread_([this, fields = telemetry::CurrentLogFields()] {
        const telemetry::LogScope scope(fields);
        Loop();
      }) {}

Heartbeat::~Heartbeat() {
  stop_.Cancel("the task ended");
  thread_.join();
}

void Heartbeat::Flush() { (void)Beat(); }

void Heartbeat::Loop() {
  for (bool stop = false; !stop && !lost_;) {
    const bool arrived = Beat();
    stop = arrived ? stop_.WaitFor(period_) : client_->Pause(period_, stop_);
  }
}

bool Heartbeat::Beat() {
  std::lock_guard lock(beating_);
  if (lost_) return true;
  ReportBatch batch = report_->Take();
  coordinator::v1::HeartbeatRequest request;
  request.set_task_id(task_id_);
  request.set_epoch(epoch_);
  if (batch.progress.has_value()) *request.mutable_progress() = *batch.progress;
  for (const auto& point : batch.metrics) *request.add_metrics() = point;
  for (const std::string& message : batch.messages) request.add_messages(message);
  const auto response = client_->Heartbeat(std::move(request));
  if (response.ok()) {
    if (response->cancel() && !cancelled_.exchange(true)) {
      telemetry::LogInfo("the job was cancelled");
      task_.Cancel("the job was cancelled");
    }
    return true;
  }
  report_->Return(std::move(batch));
  if (IsTransient(response.status())) {
    // The epoch protects the result if the lease runs out meanwhile; work goes on.
    telemetry::LogWarning("heartbeat did not get through",
                          {{"error", std::string(response.status().message())}});
    return false;
  }
  lost_ = true;
  if (outcome_under_way_) return true;
  telemetry::LogWarning("the lease is lost", {{"error", std::string(response.status().message())}});
  task_.Cancel("the lease is lost");
  return true;
}

}  // namespace foundry::worker
