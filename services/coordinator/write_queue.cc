#include "services/coordinator/write_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace foundry::coordinator {
namespace {

// A batch may take as long as its most patient call, but not for ever.
constexpr absl::Duration kLongest = absl::Seconds(15);
constexpr char kHeartbeats[] = "heartbeats";

}  // namespace

WriteQueue::WriteQueue(Store* store, const Options& options) : store_(store), options_(options) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Run(); });
}

WriteQueue::~WriteQueue() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WriteQueue::Complete(const v1::CompleteTaskRequest* request, absl::Time deadline,
                          const CancelToken& cancel, std::function<void(absl::Status)> done) {
  const std::optional<std::string> job = store_->KnownJobOf(request->task_id());
  Item item;
  item.completion = request;
  item.deadline = deadline;
  item.cancel = cancel;
  item.done = [done = std::move(done)](const absl::StatusOr<bool>& outcome) {
    done(outcome.status());
  };
  Add(job.has_value() ? absl::StrCat("job ", *job) : absl::StrCat("task ", request->task_id()),
      std::move(item));
}

void WriteQueue::Heartbeat(const v1::HeartbeatRequest* request, absl::Time deadline,
                           const CancelToken& cancel,
                           std::function<void(absl::StatusOr<bool>)> done) {
  Item item;
  item.heartbeat = request;
  item.deadline = deadline;
  item.cancel = cancel;
  item.done = std::move(done);
  // What waits for a job's row must not hold up the others.
  const bool plain = request->messages().empty() && request->metrics().empty();
  Add(plain ? kHeartbeats : absl::StrCat("task ", request->task_id()), std::move(item));
}

void WriteQueue::Add(const std::string& name, Item item) {
  {
    std::lock_guard lock(mutex_);
    Lane& lane = lanes_[name];
    lane.items.push_back(std::move(item));
    if (lane.busy || lane.items.size() > 1) return;
    due_.push_back(name);
  }
  changed_.notify_one();
}

void WriteQueue::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !due_.empty(); });
    if (due_.empty()) return;  // stopping; a busy lane is finished by its thread
    const std::string name = std::move(due_.front());
    due_.pop_front();
    Lane& lane = lanes_.at(name);  // stays where it is while busy
    lane.busy = true;
    std::vector<Item> batch;
    while (!lane.items.empty() && batch.size() < options_.largest_batch) {
      // Completions and heartbeats of a task never share a batch.
      if (!batch.empty() &&
          (batch[0].completion == nullptr) != (lane.items.front().completion == nullptr)) {
        break;
      }
      batch.push_back(std::move(lane.items.front()));
      lane.items.pop_front();
    }
    lock.unlock();
    Write(batch);
    lock.lock();
    lane.busy = false;
    if (!lane.items.empty()) {
      due_.push_back(name);
    } else {
      lanes_.erase(name);
    }
  }
}

void WriteQueue::Write(const std::vector<Item>& batch) {
  std::vector<const Item*> live;
  absl::Time deadline = absl::InfinitePast();
  for (const Item& item : batch) {
    if (const absl::Status cancelled = item.cancel.Check(); !cancelled.ok()) {
      item.done(cancelled);
      continue;
    }
    live.push_back(&item);
    deadline = std::max(deadline, item.deadline);
  }
  if (live.empty()) return;
  deadline = std::min(deadline, absl::Now() + kLongest);
  if (live[0]->heartbeat != nullptr) {
    std::vector<const v1::HeartbeatRequest*> requests;
    for (const Item* item : live) requests.push_back(item->heartbeat);
    const auto outcomes = store_->Heartbeats(requests, deadline);
    for (size_t i = 0; i < live.size(); ++i) live[i]->done(outcomes[i]);
    return;
  }
  std::vector<const v1::CompleteTaskRequest*> requests;
  for (const Item* item : live) requests.push_back(item->completion);
  const auto job = store_->JobOf(requests[0]->task_id(), deadline);
  std::vector<absl::Status> outcomes(live.size(), job.status());
  if (job.ok()) outcomes = store_->CompleteAll(*job, requests, deadline);
  for (size_t i = 0; i < live.size(); ++i) {
    live[i]->done(outcomes[i].ok() ? absl::StatusOr<bool>(false) : outcomes[i]);
  }
}

}  // namespace foundry::coordinator
