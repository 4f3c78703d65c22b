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
// once.
//
// Make it before any other thread starts, connections and services included: a thread that did not
// inherit the blocked signals takes them with their default effect, which ends the process. Let it
// go after everything that the end of the process should still wait for.
class InterruptWatch {
 public:
  InterruptWatch(CancelToken cancel, std::function<void()> on_interrupt);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;

 private:
  sigset_t signals_, before_;
  std::atomic<bool> interrupted_ = false;
  CancelToken over_;  // the destructor runs
  std::thread thread_;
};

}  // namespace foundry::cli
