// Runs a program under limits and collects or streams what it writes.
//
// The program runs in a process group of its own; at the wall-clock limit, at the output limit or
// when cancelled, the whole group is killed. Only stdin, stdout and stderr are passed on: no other
// file descriptor of the caller leaks into it. No shell. Started by posix_spawn, so that it is safe
// in processes with threads. Thread-safe (no state).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"

namespace foundry {

struct SubprocessOptions {
  std::vector<std::string> argv;         // argv[0] is a path
  std::vector<std::string> environment;  // "NAME=value", added to the caller's
  std::string input;                     // written to its stdin (at most 60 KiB), then closed
  absl::Duration timeout = absl::Seconds(120);  // wall clock
  int64_t cpu_seconds = 0;                      // RLIMIT_CPU; 0: unlimited
  int64_t memory_bytes = 0;                     // RLIMIT_AS; 0: unlimited
  int64_t output_bytes = int64_t{1} << 30;      // of stdout; more is an end by kOutput
  int64_t error_bytes = 64 << 10;               // of stderr; the rest is dropped
  CancelToken cancel;
  // When cancelled: SIGTERM first, and SIGKILL after this. Zero: SIGKILL at once.
  absl::Duration grace;
  // Gets stdout piece by piece; null: collected in SubprocessResult::output. An error kills the
  // program and is returned.
  std::function<absl::Status(absl::string_view)> on_output;
  std::function<void(pid_t)> on_start;  // it runs, or has ended and isn't reaped yet; may be null
};

struct SubprocessResult {
  enum class End { kExit, kSignal, kTimeout, kOutput };
  End end = End::kExit;
  int exit_code = 0;  // with kExit
  int signal = 0;     // with kSignal
  std::string output;
  std::string errors;  // stderr
  double seconds = 0;  // wall clock
  int64_t peak_memory_bytes = 0;

  bool ok() const { return end == End::kExit && exit_code == 0; }
  // "exited with status 3", "killed by signal 9 (Killed)", "ran longer than 2m".
  std::string Describe() const;
};

// Fails when the program cannot be started, the caller cancels, or on_output fails. That the
// program itself ends badly is a result; within the grace of a cancellation, that it ends at all.
absl::StatusOr<SubprocessResult> RunSubprocess(const SubprocessOptions& options);

// Path of a program that is installed with this one: in $FOUNDRY_BIN_DIR, beside the running
// executable, or in the folder bin beside its folder. NotFound names what was tried.
absl::StatusOr<std::string> FindProgram(absl::string_view name);

}  // namespace foundry
