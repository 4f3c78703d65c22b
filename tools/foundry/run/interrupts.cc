#include "tools/foundry/run/interrupts.h"

#include <utility>

namespace foundry::cli {

InterruptWatch::InterruptWatch(CancelToken cancel, std::function<void()> on_interrupt) {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGUSR1);  // sent by the destructor
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  thread_ = std::thread([this, cancel, on_interrupt = std::move(on_interrupt)]() mutable {
    int signal = 0;
    sigwait(&signals_, &signal);
    if (signal == SIGUSR1) return;
    interrupted_ = true;
    // From here on Ctrl-C has its default effect. SIGTERM has not: timeout(1) sends it twice. Nor
    // has the destructor's signal, which may be on its way already.
    sigset_t after = before_;
    sigaddset(&after, SIGTERM);
    sigaddset(&after, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &after, nullptr);
    cancel.Cancel("interrupted");
    if (on_interrupt) on_interrupt();
    // Nobody else takes a second Ctrl-C while main clears up.
    while (!over_.WaitFor(absl::Hours(1))) {
    }
  });
}

InterruptWatch::~InterruptWatch() {
  over_.Cancel("over");
  if (!interrupted_) pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
  if (interrupted_) {  // one that came meanwhile has been heeded
    sigset_t terminate;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    const timespec now{};
    sigtimedwait(&terminate, nullptr, &now);
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace foundry::cli
