#include "common/rpc/termination.h"

#include <signal.h>
#include <unistd.h>

#include <thread>

namespace foundry::rpc {
namespace {

sigset_t Signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

int WaitForOne() {
  const sigset_t set = Signals();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return signal;
}

}  // namespace

Termination::Termination() {
  const sigset_t set = Signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);  // ignored by the parent, children's ends could not be awaited
}

int Termination::Wait() {
  const int signal = WaitForOne();
  std::thread([] {
    while (WaitForOne() != SIGINT) {
    }
    _exit(128 + SIGINT);
  }).detach();
  return signal;
}

void Termination::Request() { kill(getpid(), SIGTERM); }

}  // namespace foundry::rpc
