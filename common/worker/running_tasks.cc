#include "common/worker/running_tasks.h"

#include <algorithm>
#include <utility>

namespace foundry::worker {

RunningTasks::Attempt::Attempt(RunningTasks* tasks, std::string task_id, int64_t epoch,
                               CancelToken cancel)
    : tasks_(tasks), task_id_(std::move(task_id)), epoch_(epoch), cancel_(std::move(cancel)) {
  std::lock_guard lock(tasks_->mutex_);
  for (Attempt* other : tasks_->attempts_) {
    if (other->task_id_ != task_id_) continue;
    if (other->epoch_ >= epoch_) {
      own_ = false;
      return;
    }
    other->cancel_.Cancel("its lease has ended, and the task was leased again");
  }
  tasks_->attempts_.push_back(this);
}

RunningTasks::Attempt::~Attempt() {
  if (!own_) return;
  {
    std::lock_guard lock(tasks_->mutex_);
    tasks_->attempts_.remove(this);
  }
  tasks_->ended_.notify_all();
}

void RunningTasks::Attempt::AwaitEarlier() {
  std::unique_lock lock(tasks_->mutex_);
  tasks_->ended_.wait(lock, [this] {
    return std::none_of(tasks_->attempts_.begin(), tasks_->attempts_.end(),
                        [this](const Attempt* other) {
                          return other->task_id_ == task_id_ && other->epoch_ < epoch_;
                        });
  });
}

void RunningTasks::CancelAll(const std::string& reason) {
  std::lock_guard lock(mutex_);
  for (Attempt* attempt : attempts_) attempt->cancel_.Cancel(reason);
}

}  // namespace foundry::worker
