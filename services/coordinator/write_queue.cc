#include "services/coordinator/write_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/steady_time.h"

namespace foundry::coordinator {
namespace {

// A batch may take as long as its most patient call, but not for ever.
constexpr absl::Duration kLongest = absl::Seconds(15);
constexpr char kHeartbeats[] = "heartbeats";
constexpr char kCompletions[] = "completions";

bool IsShared(const std::string& lane) { return lane == kHeartbeats || lane == kCompletions; }

std::string JobLane(const std::string& job) { return absl::StrCat("job ", job); }

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
  Item item;
  item.completion = request;
  item.job = store_->KnownJobOf(request->task_id()).value_or("");
  item.deadline = deadline;
  item.cancel = cancel;
  item.done = [done = std::move(done)](const absl::StatusOr<bool>& outcome) {
    done(outcome.status());
  };
  const bool known = !item.job.empty();
  const std::string own = known ? JobLane(item.job) : absl::StrCat("task ", request->task_id());
  {
    std::lock_guard lock(mutex_);
    // A job with a lane of its own keeps it until that is empty.
    AddLocked(known && lanes_.count(own) == 0 ? kCompletions : own, std::move(item));
  }
  changed_.notify_one();
}

void WriteQueue::Heartbeat(const v1::HeartbeatRequest* request, absl::Time deadline,
                           const CancelToken& cancel,
                           std::function<void(absl::StatusOr<bool>)> done) {
  Item item;
  item.heartbeat = request;
  item.deadline = deadline;
  item.cancel = cancel;
  item.done = std::move(done);
  const std::string lane = HeartbeatLane(*request);
  {
    std::lock_guard lock(mutex_);
    AddLocked(lane, std::move(item));
  }
  changed_.notify_one();
}

std::string WriteQueue::HeartbeatLane(const v1::HeartbeatRequest& request) const {
  if (request.messages().empty() && request.metrics().empty()) return kHeartbeats;
  // Messages wait for the job's row, which may be held: one thread waits, however many tasks tell
  // something.
  const auto job =
      request.messages().empty() ? std::nullopt : store_->KnownJobOf(request.task_id());
  return job.has_value() ? absl::StrCat("messages of job ", *job)
                         : absl::StrCat("task ", request.task_id());
}

void WriteQueue::AddLocked(const std::string& name, Item item) {
  Lane& lane = lanes_[name];
  lane.items.push_back(std::move(item));
  if (!lane.busy && lane.items.size() == 1) DueLocked(name);
}

void WriteQueue::DueLocked(const std::string& lane) {
  (IsShared(lane) ? due_shared_ : due_own_).push_back(lane);
}

std::string WriteQueue::TakeLocked() {
  // Jobs whose rows are held must not take every thread.
  const int most_own = std::max(1, options_.threads - 2);
  std::deque<std::string>* due = &due_shared_;
  if (due->empty() && own_busy_ < most_own) due = &due_own_;
  if (due->empty()) return "";
  std::string lane = std::move(due->front());
  due->pop_front();
  return lane;
}

void WriteQueue::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    std::string name;
    changed_.wait(lock, [&] {
      name = TakeLocked();
      return !name.empty() || (stopping_ && due_own_.empty());
    });
    if (name.empty()) return;  // stopping; a busy lane is finished by its thread
    const bool own = !IsShared(name);
    own_busy_ += own;
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
    std::vector<Item> left = Write(name, std::move(batch));
    lock.lock();
    own_busy_ -= own;
    for (Item& item : left) {
      const std::string lane_of_job = JobLane(item.job);
      AddLocked(lane_of_job, std::move(item));
    }
    lane.busy = false;
    if (!lane.items.empty()) {
      DueLocked(name);
    } else {
      lanes_.erase(name);
    }
    if (own || !left.empty()) changed_.notify_all();
  }
}

std::vector<WriteQueue::Item> WriteQueue::Write(const std::string& lane, std::vector<Item> batch) {
  std::vector<Item> live;
  absl::Time deadline = absl::InfinitePast();
  for (Item& item : batch) {
    if (const absl::Status cancelled = item.cancel.Check(); !cancelled.ok()) {
      item.done(cancelled);
      continue;
    }
    deadline = std::max(deadline, item.deadline);
    live.push_back(std::move(item));
  }
  if (live.empty()) return {};
  deadline = std::min(deadline, SteadyNow() + kLongest);
  if (lane == kCompletions) return WriteSharedCompletions(std::move(live), deadline);
  if (live[0].completion != nullptr) {
    WriteCompletions(live, deadline);
  } else {
    WriteHeartbeats(live, deadline);
  }
  return {};
}

void WriteQueue::WriteHeartbeats(const std::vector<Item>& batch, absl::Time deadline) {
  std::vector<const v1::HeartbeatRequest*> requests;
  for (const Item& item : batch) requests.push_back(item.heartbeat);
  const auto outcomes = store_->Heartbeats(requests, deadline);
  for (size_t i = 0; i < batch.size(); ++i) batch[i].done(outcomes[i]);
}

void WriteQueue::WriteCompletions(const std::vector<Item>& batch, absl::Time deadline) {
  const std::vector<const v1::CompleteTaskRequest*> requests = CompletionsOf(batch);
  const auto job = store_->JobOf(requests[0]->task_id(), deadline);
  std::vector<absl::Status> outcomes(batch.size(), job.status());
  if (job.ok()) outcomes = store_->CompleteAll(*job, requests, deadline);
  for (size_t i = 0; i < batch.size(); ++i) Answer(batch[i], outcomes[i]);
}

std::vector<WriteQueue::Item> WriteQueue::WriteSharedCompletions(std::vector<Item> batch,
                                                                 absl::Time deadline) {
  std::vector<Item> left;
  const auto outcomes = store_->CompleteSome(CompletionsOf(batch), deadline);
  for (size_t i = 0; i < batch.size(); ++i) {
    if (outcomes[i].has_value()) {
      Answer(batch[i], *outcomes[i]);
    } else {
      left.push_back(std::move(batch[i]));
    }
  }
  return left;
}

std::vector<const v1::CompleteTaskRequest*> WriteQueue::CompletionsOf(
    const std::vector<Item>& batch) {
  std::vector<const v1::CompleteTaskRequest*> requests;
  for (const Item& item : batch) requests.push_back(item.completion);
  return requests;
}

void WriteQueue::Answer(const Item& item, const absl::Status& outcome) {
  item.done(outcome.ok() ? absl::StatusOr<bool>(false) : outcome);
}

}  // namespace foundry::coordinator
