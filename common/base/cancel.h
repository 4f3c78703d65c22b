// Cancellation that reaches into loops and waits.
//
// A CancelToken is a cheap shared handle: copies see the same state. Long work polls Cancelled() or
// returns Check(); blocking waits use WaitFor() so that they end at once. Thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace foundry {

class CancelToken {
 public:
  CancelToken() : state_(std::make_shared<State>()) {}

  // The first reason stays. Wakes every waiter.
  void Cancel(std::string reason) {
    {
      std::lock_guard lock(state_->mutex);
      if (state_->cancelled) return;
      state_->cancelled = true;
      state_->reason = std::move(reason);
    }
    state_->changed.notify_all();
  }

  bool Cancelled() const {
    std::lock_guard lock(state_->mutex);
    return state_->cancelled;
  }

  // OK, or Cancelled with the reason.
  absl::Status Check() const {
    std::lock_guard lock(state_->mutex);
    return state_->cancelled ? absl::CancelledError(state_->reason) : absl::OkStatus();
  }

  // Waits up to `duration`; true when cancelled.
  bool WaitFor(absl::Duration duration) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, absl::ToChronoMicroseconds(duration),
                                    [this] { return state_->cancelled; });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool cancelled = false;
    std::string reason;
  };
  std::shared_ptr<State> state_;
};

}  // namespace foundry
