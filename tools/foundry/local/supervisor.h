// Keeps the processes of a local cluster running: one that dies is started again.
//
// Thread-safe. Children end with this process (see common/base/parent.h); the kernel ties them to
// the thread that starts them, so all are started by the supervisor's own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace foundry::cli {

struct ProcessOptions {
  std::string name;               // of its log file
  std::vector<std::string> argv;  // argv[0]: path of the program
  std::filesystem::path log;      // stdout and stderr are appended to it
};

class Supervisor {
 public:
  Supervisor();
  // Stops everything.
  ~Supervisor();

  // Starts a process and watches it from now on. One that ends soon after its start is started
  // again with growing delays (what an earlier owner left may still be draining); after about a
  // minute of that it stays down, see Failure().
  absl::Status Start(ProcessOptions options);

  // Not OK once a process has been given up; the message names its log and last line.
  absl::Status Failure() const;

  // SIGTERM to all, in reverse order of their start; SIGKILL after `grace`. Idempotent.
  void Stop(absl::Duration grace);

  // SIGKILL to all, at once.
  void Kill();

 private:
  using Clock = std::chrono::steady_clock;  // does not jump
  struct Process {
    ProcessOptions options;
    pid_t pid = 0;
    bool asked = true;  // Start() waits for its first start
    absl::Status first_start;
    int quick_ends = 0;
    Clock::time_point started;
    Clock::time_point due;  // when an ended process is started again
  };

  absl::Status Spawn(Process& process);
  void Watch();
  bool Revive(Process& process);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Process> processes_;
  absl::Status failure_;
  bool stopping_ = false;
  std::thread watcher_;
};

}  // namespace foundry::cli
