// What a running handler tells, collected until somebody sends it on. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/worker/task_context.h"
#include "foundry/common/v1/progress.pb.h"

namespace foundry::worker {

// Everything told since the last Take.
struct ReportBatch {
  std::optional<common::v1::Progress> progress;  // the latest
  std::vector<common::v1::MetricPoint> metrics;
  std::vector<std::string> messages;
  bool empty() const { return !progress.has_value() && metrics.empty() && messages.empty(); }
};

// Text as messages may carry it: UTF-8 (names of files need not be), without NUL (which PostgreSQL
// stores in no text), at most 8 KiB.
std::string MessageText(absl::string_view text);

class TaskReport {
 public:
  void Progress(const TaskProgress& progress);
  // Points and lines beyond a bound are dropped, oldest first, and the drop is told in a message.
  void Metric(const std::string& name, int64_t step, double value);
  void Message(const std::string& text);

  ReportBatch Take();
  // Puts back a batch that could not be sent, before what came since.
  void Return(ReportBatch batch);

  // Waits until there is something to take or Close was called.
  void Wait();
  void Close();
  bool closed() const;

 private:
  void Bound();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  ReportBatch batch_;
  int64_t dropped_ = 0;
  bool closed_ = false;
};

}  // namespace foundry::worker
