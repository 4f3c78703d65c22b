// The threads that run RPC handlers, so that nothing blocks in gRPC's own pool (grpc#30510).
//
// Threads start as they are needed, up to a bound. Long calls (streams, long polls) may hold only a
// part of them, so that short calls always find one. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"

namespace foundry::rpc {

struct ExecutorOptions {
  int max_threads = 48;
  // Calls of CallLength::kLong that may be held at once; below max_threads.
  int max_long_calls = 40;
  // Calls that may wait for a thread.
  int max_waiting = 256;
};

enum class CallLength { kShort, kLong };

class Executor {
 public:
  explicit Executor(const ExecutorOptions& options) : options_(options) {}
  // Waits for everything that was accepted.
  ~Executor();
  Executor(const Executor&) = delete;

  // ResourceExhausted with a time to try again when the bounds are reached; `work` is dropped then.
  absl::Status Run(CallLength length, std::function<void()> work);

 private:
  struct Item {
    CallLength length;
    std::function<void()> work;
  };
  void Loop();

  const ExecutorOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> waiting_;
  std::vector<std::thread> threads_;
  int idle_ = 0;
  int long_calls_ = 0;
  bool stopping_ = false;
};

}  // namespace foundry::rpc
