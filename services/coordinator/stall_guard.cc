#include "services/coordinator/stall_guard.h"

#include <sys/socket.h>

#include <algorithm>

#include "common/base/steady_time.h"

namespace foundry::coordinator {

StallGuard::StallGuard() : thread_([this] { Run(); }) {}

StallGuard::~StallGuard() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

StallGuard::Watch::Watch(StallGuard* guard, int socket, absl::Time until) : guard_(guard) {
  bool first;
  {
    std::lock_guard lock(guard_->mutex_);
    entry_ = guard_->watched_.emplace(until, socket);
    first = entry_ == guard_->watched_.begin();
  }
  // Later ones need no wake-up: their time comes after one that the thread waits for already.
  if (first) guard_->changed_.notify_one();
}

StallGuard::Watch::~Watch() {
  std::lock_guard lock(guard_->mutex_);
  guard_->watched_.erase(entry_);
}

void StallGuard::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const absl::Time now = SteadyNow();
    absl::Time next = now + absl::Minutes(1);
    for (auto& [until, socket] : watched_) {
      if (socket < 0) continue;
      if (until > now) {
        next = std::min(next, until);
        break;
      }
      shutdown(socket, SHUT_RDWR);
      socket = -1;
    }
    changed_.wait_for(lock, WaitTime(next));
  }
}

}  // namespace foundry::coordinator
