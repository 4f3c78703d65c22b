// SIGTERM and SIGINT as something main waits for. Shutting a server down inside a signal handler
// deadlocks (grpc#24884), so the signals are blocked everywhere and taken by sigwait.
#pragma once

namespace foundry::rpc {

// Make one first in main, before any thread starts: threads inherit the mask. Child programs
// inherit it too and must be started with an empty one.
class Termination {
 public:
  Termination();

  // Blocks until a signal comes, and returns its number. After that, SIGINT ends the process at
  // once: whoever presses Ctrl-C again means it. Another SIGTERM does nothing, for one may come
  // from a supervisor and one from the kernel when that supervisor ends (common/base/parent.h).
  int Wait();

  // Makes Wait return, from any thread.
  static void Request();
};

}  // namespace foundry::rpc
