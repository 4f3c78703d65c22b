#include "common/worker/task_report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/text/utf8.h"

namespace foundry::worker {
namespace {

// More than any heartbeat's worth; reached only while the coordinator is away.
constexpr size_t kMaxMetrics = 20'000;
constexpr size_t kMaxMessages = 1'000;
constexpr size_t kMaxMessageBytes = 8 << 10;

template <typename T>
int64_t DropOldest(size_t limit, std::vector<T>* list) {
  if (list->size() <= limit) return 0;
  const size_t extra = list->size() - limit;
  list->erase(list->begin(), list->begin() + static_cast<int64_t>(extra));
  return static_cast<int64_t>(extra);
}

}  // namespace

std::string MessageText(absl::string_view text) {
  const absl::string_view kept = text::Utf8Prefix(text, kMaxMessageBytes);
  const std::string clean =
      absl::StrReplaceAll(text::RepairUtf8(kept), {{absl::string_view("\0", 1), "\uFFFD"}});
  return kept.size() == text.size() ? clean : absl::StrCat(clean, " …");
}

void TaskReport::Progress(const TaskProgress& progress) {
  std::lock_guard lock(mutex_);
  common::v1::Progress& latest = batch_.progress.emplace();
  latest.set_done(progress.done);
  latest.set_total(progress.total);
  latest.set_unit(MessageText(progress.unit));
  latest.set_message(MessageText(progress.message));
  changed_.notify_all();
}

void TaskReport::Metric(const std::string& name, int64_t step, double value) {
  std::lock_guard lock(mutex_);
  common::v1::MetricPoint& point = batch_.metrics.emplace_back();
  point.set_name(MessageText(name));
  point.set_step(step);
  point.set_value(value);
  Bound();
  changed_.notify_all();
}

void TaskReport::Message(const std::string& text) {
  std::lock_guard lock(mutex_);
  batch_.messages.push_back(MessageText(text));
  Bound();
  changed_.notify_all();
}

ReportBatch TaskReport::Take() {
  std::lock_guard lock(mutex_);
  ReportBatch taken = std::exchange(batch_, {});
  if (dropped_ > 0) {
    taken.messages.push_back(
        absl::StrCat(dropped_, " metric points or messages were dropped: nobody took them"));
    dropped_ = 0;
  }
  return taken;
}

void TaskReport::Return(ReportBatch batch) {
  std::lock_guard lock(mutex_);
  if (!batch_.progress.has_value()) batch_.progress = std::move(batch.progress);
  batch.metrics.insert(batch.metrics.end(), batch_.metrics.begin(), batch_.metrics.end());
  batch.messages.insert(batch.messages.end(), batch_.messages.begin(), batch_.messages.end());
  batch_.metrics = std::move(batch.metrics);
  batch_.messages = std::move(batch.messages);
  Bound();
}

void TaskReport::Wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !batch_.empty(); });
}

void TaskReport::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

bool TaskReport::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

void TaskReport::Bound() {
  dropped_ += DropOldest(kMaxMetrics, &batch_.metrics);
  dropped_ += DropOldest(kMaxMessages, &batch_.messages);
}

}  // namespace foundry::worker
