// Ctrl-C and SIGTERM as cancellation.
#pragma once

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

#include "common/base/cancel.h"

namespace foundry::cli {

// While it lives, the first SIGINT or SIGTERM cancels `cancel` and calls `on_interrupt` (may be
// null) on a thread of its own, so that it may do real work; a further SIGINT ends the process at
// once. Make it before other threads start: they inherit the blocked signals.
class InterruptWatch {
 public:
  InterruptWatch(CancelToken cancel, std::function<void()> on_interrupt);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;

 private:
  sigset_t signals_, before_;
  std::atomic<bool> interrupted_ = false;
  std::thread thread_;
};

}  // namespace foundry::cli
