#include "common/postgres/run_as.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"

extern char** environ;

namespace foundry::postgres {
namespace {

constexpr size_t kReportedOutput = 2000;  // bytes

struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  explicit SpawnSettings(const std::string& output) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawnattr_init(&attributes);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

absl::StatusOr<int> Wait(pid_t pid, absl::Duration timeout, const std::string& what) {
  const absl::Time deadline = SteadyNow() + timeout;
  for (int status = 0;;) {
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid) return status;
    if (ended < 0 && errno != EINTR)
      return absl::ErrnoToStatus(errno, absl::StrCat("waitpid for ", what));
    if (SteadyNow() > deadline) {
      kill(-pid, SIGKILL);
      waitpid(pid, &status, 0);
      return absl::DeadlineExceededError(
          absl::StrCat(what, " did not end within ", absl::FormatDuration(timeout)));
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
}

}  // namespace

absl::StatusOr<Account> UnprivilegedAccount(const std::string& wanted) {
  if (geteuid() != 0) return Account{};
  const std::vector<std::string> names =
      wanted.empty() ? std::vector<std::string>{"postgres", "nobody"} : std::vector{wanted};
  for (const std::string& name : names) {
    if (const passwd* entry = getpwnam(name.c_str()); entry != nullptr && entry->pw_uid != 0) {
      return Account{name, entry->pw_uid, entry->pw_gid};
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "PostgreSQL refuses to run as root and there is no account ", absl::StrJoin(names, " or "),
      " to run it as: make one, or run as an ordinary user"));
}

absl::Status RunAs(const Account& account, const std::vector<std::string>& argv,
                   absl::Duration timeout) {
  std::vector<std::string> full;
  if (!account.name.empty()) {
    full = {"setpriv", absl::StrCat("--reuid=", account.uid), absl::StrCat("--regid=", account.gid),
            "--clear-groups", "--"};
  }
  full.insert(full.end(), argv.begin(), argv.end());
  std::vector<char*> pointers;
  for (std::string& argument : full) pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  FOUNDRY_ASSIGN_OR_RETURN(TempFolder folder, TempFolder::Make());
  const std::string output = folder.path() / "output";
  SpawnSettings settings(output);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, pointers[0], &settings.actions, &settings.attributes,
                                 pointers.data(), environ);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot start ", full[0]));
  FOUNDRY_ASSIGN_OR_RETURN(const int status, Wait(pid, timeout, argv[0]));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  std::string said = ReadFile(output).value_or("");
  if (said.size() > kReportedOutput) said = said.substr(said.size() - kReportedOutput);
  return absl::InternalError(absl::StrCat(absl::StrJoin(argv, " "), " ended with ",
                                          WIFEXITED(status)
                                              ? absl::StrCat("exit code ", WEXITSTATUS(status))
                                              : absl::StrCat("signal ", WTERMSIG(status)),
                                          ": ", absl::StripSuffix(said, "\n")));
}

}  // namespace foundry::postgres
