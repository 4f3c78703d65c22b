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
  bool too_late;
  {
    std::lock_guard lock(guard_->mutex_);
    entry_ = guard_->watched_.emplace(until, socket);
    too_late = until < guard_->wakes_at_;
    if (too_late) guard_->wakes_at_ = until;
  }
  // Statements are many and stalls are rare: the thread finds by itself what comes after the time
  // that it waits for, also when the watch that it waits for has gone.
  if (too_late) guard_->changed_.notify_one();
}

StallGuard::Watch::~Watch() {
  std::lock_guard lock(guard_->mutex_);
  guard_->watched_.erase(entry_);
}

void StallGuard::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const absl::Time now = SteadyNow();
    wakes_at_ = now + absl::Minutes(1);
    for (auto& [until, socket] : watched_) {
      if (socket < 0) continue;
      if (until > now) {
        wakes_at_ = std::min(wakes_at_, until);
        break;
      }
      shutdown(socket, SHUT_RDWR);
      socket = -1;
    }
    changed_.wait_for(lock, WaitTime(wakes_at_));
  }
}

}  // namespace foundry::coordinator
