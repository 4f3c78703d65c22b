#include "common/rpc/executor.h"

#include <utility>

#include "common/base/error_details.h"

namespace foundry::rpc {
namespace {

absl::Status Busy(const char* message) {
  return WithRetryAfter(WithReason(absl::ResourceExhaustedError(message), "SERVER_BUSY"),
                        absl::Seconds(1));
}

}  // namespace

Executor::~Executor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

absl::Status Executor::Run(CallLength length, std::function<void()> work) {
  std::lock_guard lock(mutex_);
  if (stopping_) return absl::UnavailableError("the server is shutting down");
  if (length == CallLength::kLong && long_calls_ >= options_.max_long_calls) {
    return Busy("too many streams and long polls at once");
  }
  if (static_cast<int>(waiting_.size()) >= options_.max_waiting) {
    return Busy("too many calls at once");
  }
  if (length == CallLength::kLong) ++long_calls_;
  waiting_.push_back({length, std::move(work)});
  if (idle_ < static_cast<int>(waiting_.size()) &&
      static_cast<int>(threads_.size()) < options_.max_threads) {
    threads_.emplace_back([this] { Loop(); });
  }
  changed_.notify_one();
  return absl::OkStatus();
}

void Executor::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty()) return;  // stopping, and nothing accepted is left
    Item item = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    item.work();
    item.work = nullptr;  // what it holds goes before the call counts as over
    lock.lock();
    if (item.length == CallLength::kLong) --long_calls_;
  }
}

}  // namespace foundry::rpc
