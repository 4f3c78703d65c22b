// A program run by a test: started, signalled, awaited; its output is kept. Not thread-safe.
//
// The child ends with the test program, and gets SIGKILL when the object goes away.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace foundry::testing {

// A program of this build: $FOUNDRY_BIN_DIR/<name>. Ends the test program when it is missing.
std::string BuiltProgram(const std::string& name);

class ChildProcess {
 public:
  // argv[0] is the program's path. stdout and stderr go to `log`, appended. `environment` holds
  // further NAME=VALUE entries.
  ChildProcess(std::vector<std::string> argv, std::filesystem::path log,
               const std::vector<std::string>& environment = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal);
  // The exit code, or 128 + signal; -1 when it still runs after `limit`.
  int Wait(absl::Duration limit);
  // Waits until the log holds `text`; false after `limit` or when the child ended without it.
  bool WaitForLog(const std::string& text, absl::Duration limit);
  // The same for whichever of `texts` comes first.
  bool WaitForAnyLog(const std::vector<std::string>& texts, absl::Duration limit);
  std::string Log() const;

 private:
  bool Poll();

  pid_t pid_ = -1;
  int exit_code_ = -1;
  const std::filesystem::path log_;
};

}  // namespace foundry::testing
