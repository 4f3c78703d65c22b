#include "common/base/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"

extern char** environ;

namespace foundry {
namespace {

// A pipe whose ends close themselves.
class Pipe {
 public:
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  ~Pipe() { CloseRead(), CloseWrite(); }
  absl::Status Open() {
    return pipe2(ends_, O_CLOEXEC) == 0 ? absl::OkStatus() : absl::ErrnoToStatus(errno, "pipe");
  }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void CloseRead() { Close(0); }
  void CloseWrite() { Close(1); }

 private:
  void Close(int i) {
    if (ends_[i] >= 0) close(ends_[i]);
    ends_[i] = -1;
  }
  int ends_[2] = {-1, -1};
};

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> Environment(const std::vector<std::string>& added) {
  std::vector<std::string> out = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view name =
        absl::string_view(*entry).substr(0, absl::string_view(*entry).find('=') + 1);
    const bool replaced = std::any_of(added.begin(), added.end(), [&](const std::string& a) {
      return absl::StartsWith(a, name);
    });
    if (!replaced) out.push_back(*entry);
  }
  return out;
}

void Limit(pid_t pid, __rlimit_resource resource, int64_t value, bool set) {
  if (!set) return;
  const rlimit limit = {static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  prlimit(pid, resource, &limit, nullptr);
}

absl::StatusOr<pid_t> Spawn(const SubprocessOptions& options, const Pipe& in, const Pipe& out,
                            const Pipe& err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read_end(), 0);
  posix_spawn_file_actions_adddup2(&actions, out.write_end(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.write_end(), 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, standard;
  sigemptyset(&none);
  sigemptyset(&standard);
  for (const int s : {SIGPIPE, SIGTERM, SIGINT, SIGCHLD}) sigaddset(&standard, s);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &standard);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> added = options.environment;
  added.push_back(absl::StrCat("FOUNDRY_PARENT_PID=", getpid()));
  const std::vector<std::string> environment = Environment(added);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, options.argv[0].c_str(), &actions, &attributes,
                                Pointers(options.argv).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot start ", options.argv[0]));
  // It waits for its input, so the limits stand before it reads anything.
  Limit(pid, RLIMIT_AS, options.memory_bytes, options.memory_bytes > 0);
  Limit(pid, RLIMIT_CPU, options.cpu_seconds, options.cpu_seconds > 0);
  Limit(pid, RLIMIT_CORE, 0, true);
  return pid;
}

// How long the program may go on: until its deadline or, once cancelled, through the grace.
class Patience {
 public:
  Patience(const SubprocessOptions& options, pid_t pid, absl::Time deadline)
      : options_(options), pid_(pid), deadline_(deadline) {}

  // Cancelled when it must be killed now. The first call after the cancellation asks it to end.
  absl::Status Check() {
    const absl::Status status = options_.cancel.Check();
    if (status.ok()) return status;
    const absl::Time now = SteadyNow();
    if (!asked_ && options_.grace > absl::ZeroDuration()) {
      asked_ = true;
      deadline_ = std::min(deadline_, now + options_.grace);
      kill(-pid_, SIGTERM);
    }
    return asked_ && now < deadline_ ? absl::OkStatus() : status;
  }
  absl::Time deadline() const { return deadline_; }
  bool asked() const { return asked_; }

 private:
  const SubprocessOptions& options_;
  const pid_t pid_;
  absl::Time deadline_;
  bool asked_ = false;
};

// Reads both pipes until both close or a limit is met.
class Reader {
 public:
  Reader(const SubprocessOptions& options, SubprocessResult* result)
      : options_(options), result_(result) {}

  // True when the program may end by itself; false when it must be killed.
  absl::StatusOr<bool> ReadAll(int out, int err, Patience& patience) {
    bool out_open = true, err_open = true;
    while (out_open || err_open) {
      FOUNDRY_RETURN_IF_ERROR(patience.Check());
      const absl::Duration left = patience.deadline() - SteadyNow();
      if (left <= absl::ZeroDuration()) {
        result_->end = SubprocessResult::End::kTimeout;
        return false;
      }
      // Wakes at least every 100 ms to see a cancellation.
      const int wait =
          static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(left), 1, 100));
      pollfd fds[2] = {{out_open ? out : -1, POLLIN, 0}, {err_open ? err : -1, POLLIN, 0}};
      if (poll(fds, 2, wait) < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "poll");
      if (fds[0].revents != 0) {
        FOUNDRY_ASSIGN_OR_RETURN(out_open, ReadOutput(out));
        if (result_->end == SubprocessResult::End::kOutput) return false;
      }
      if (fds[1].revents != 0) err_open = ReadErrors(err);
    }
    return true;
  }

 private:
  absl::StatusOr<bool> ReadOutput(int fd) {
    const ssize_t n = read(fd, buffer_, sizeof(buffer_));
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) return false;
    total_ += n;
    if (total_ > options_.output_bytes) {
      result_->end = SubprocessResult::End::kOutput;
      return false;
    }
    const absl::string_view piece(buffer_, n);
    if (options_.on_output) {
      try {  // thrown on, it would leave the program behind
        FOUNDRY_RETURN_IF_ERROR(options_.on_output(piece));
      } catch (const std::exception& error) {
        return absl::InternalError(absl::StrCat("unexpected: ", error.what()));
      }
    } else {
      absl::StrAppend(&result_->output, piece);
    }
    return true;
  }

  bool ReadErrors(int fd) {
    const ssize_t n = read(fd, buffer_, sizeof(buffer_));
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) return false;
    const int64_t room = options_.error_bytes - static_cast<int64_t>(result_->errors.size());
    result_->errors.append(buffer_, std::clamp<int64_t>(n, 0, std::max<int64_t>(0, room)));
    return true;
  }

  const SubprocessOptions& options_;
  SubprocessResult* result_;
  int64_t total_ = 0;
  char buffer_[64 << 10];
};

// Waits without reaping. False when it must be killed first.
bool WaitForEnd(pid_t pid, Patience& patience, const CancelToken& cancel) {
  while (true) {
    siginfo_t info = {};
    if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid)
      return true;
    if (!patience.Check().ok() || SteadyNow() >= patience.deadline()) return false;
    if (cancel.WaitFor(absl::Milliseconds(1)) && patience.asked()) {
      absl::SleepFor(absl::Milliseconds(1));
    }
  }
}

}  // namespace

std::string SubprocessResult::Describe() const {
  switch (end) {
    case End::kExit:
      return absl::StrCat("exited with status ", exit_code);
    case End::kSignal:
      return absl::StrCat("killed by signal ", signal, " (", strsignal(signal), ")");
    case End::kTimeout:
      return absl::StrCat("still running after ",
                          absl::FormatDuration(absl::Seconds(static_cast<int64_t>(seconds))));
    case End::kOutput:
      return "wrote more than allowed";
  }
  return "";
}

absl::StatusOr<SubprocessResult> RunSubprocess(const SubprocessOptions& options) {
  if (options.argv.empty()) return absl::InvalidArgumentError("no program named");
  if (options.input.size() > (60 << 10))
    return absl::InvalidArgumentError("input longer than a pipe holds");
  const absl::Time start = SteadyNow();
  Pipe in, out, err;
  FOUNDRY_RETURN_IF_ERROR(in.Open());
  FOUNDRY_RETURN_IF_ERROR(out.Open());
  FOUNDRY_RETURN_IF_ERROR(err.Open());
  FOUNDRY_ASSIGN_OR_RETURN(const pid_t pid, Spawn(options, in, out, err));
  if (options.on_start) options.on_start(pid);
  out.CloseWrite();
  err.CloseWrite();
  // The pipe holds it all, and our own read end is still open: this neither blocks nor raises
  // SIGPIPE.
  const ssize_t written = write(in.write_end(), options.input.data(), options.input.size());
  in.CloseWrite();
  SubprocessResult result;
  Reader reader(options, &result);
  Patience patience(options, pid, start + options.timeout);
  absl::StatusOr<bool> ends =
      written == static_cast<ssize_t>(options.input.size())
          ? reader.ReadAll(out.read_end(), err.read_end(), patience)
          : absl::StatusOr<bool>(absl::ErrnoToStatus(errno, "cannot write its input"));
  if (ends.ok() && *ends && !WaitForEnd(pid, patience, options.cancel)) {
    if (SteadyNow() >= start + options.timeout) result.end = SubprocessResult::End::kTimeout;
  }
  // Not reaped yet, so the group's number is still ours: this also ends children left behind.
  kill(-pid, SIGKILL);
  int status = 0;
  rusage usage = {};
  while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  if (!ends.ok()) return ends.status();
  const bool ended_in_grace = patience.asked() && SteadyNow() < patience.deadline();
  if (!ended_in_grace) FOUNDRY_RETURN_IF_ERROR(options.cancel.Check());
  result.seconds = absl::ToDoubleSeconds(SteadyNow() - start);
  result.peak_memory_bytes = static_cast<int64_t>(usage.ru_maxrss) * 1024;
  if (result.end == SubprocessResult::End::kExit) {
    if (WIFSIGNALED(status)) {
      result.end = SubprocessResult::End::kSignal;
      result.signal = WTERMSIG(status);
    } else {
      result.exit_code = WEXITSTATUS(status);
    }
  }
  return result;
}

absl::StatusOr<std::string> FindProgram(absl::string_view name) {
  namespace fs = std::filesystem;
  std::vector<std::string> tried;
  if (const char* folder = getenv("FOUNDRY_BIN_DIR"))
    tried.push_back((fs::path(folder) / std::string(name)).string());
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    tried.push_back((self.parent_path() / std::string(name)).string());
    tried.push_back((self.parent_path().parent_path() / "bin" / std::string(name)).string());
  }
  for (const std::string& path : tried) {
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return absl::NotFoundError(
      absl::StrCat("the program ", name, " is missing; looked for ", absl::StrJoin(tried, ", ")));
}

}  // namespace foundry
