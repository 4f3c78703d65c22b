// Running a program to its end, as another user when this process is root.
//
// PostgreSQL refuses to run as root, so its programs go through setpriv(1). Programs are spawned,
// never forked, so that this is safe in a process with threads and gRPC. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace foundry::postgres {

// An account to drop to; empty name: stay who we are.
struct Account {
  std::string name;
  unsigned uid = 0;
  unsigned gid = 0;
};

// For root: the account `wanted`, or the first of postgres, nobody that exists when it is empty.
// For everybody else: an empty account. NotFound when root has no account to drop to.
absl::StatusOr<Account> UnprivilegedAccount(const std::string& wanted);

// Runs argv[0] (a path, or looked up in PATH) in a session of its own, so that a Ctrl-C on the
// terminal does not reach it, and waits for its end. A non-zero exit is an Internal error that
// carries the last lines it wrote; DeadlineExceeded (and SIGKILL) after `timeout`.
absl::Status RunAs(const Account& account, const std::vector<std::string>& argv,
                   absl::Duration timeout);

}  // namespace foundry::postgres
