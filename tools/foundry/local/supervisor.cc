#include "tools/foundry/local/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status.h"

extern char** environ;

namespace foundry::cli {
namespace {

constexpr int kMostQuickEnds = 12;
constexpr absl::Duration kFirstDelay = absl::Milliseconds(200);
constexpr absl::Duration kLongestDelay = absl::Seconds(8);
constexpr absl::Duration kQuickEnd = absl::Seconds(5);  // an end sooner than this counts as quick
constexpr absl::Duration kPoll = absl::Milliseconds(100);

std::string LastLine(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string line, last;
  while (std::getline(in, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace

Supervisor::Supervisor() : watcher_([this] { Watch(); }) {}

Supervisor::~Supervisor() {
  Stop(absl::Seconds(20));
  watcher_.join();
}

absl::Status Supervisor::Spawn(Process& process) {
  std::vector<char*> argv;
  for (std::string& argument : process.options.argv) argv.push_back(argument.data());
  argv.push_back(nullptr);

  std::string parent = absl::StrCat("FOUNDRY_PARENT_PID=", getpid());
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(parent.data());
  environment.push_back(nullptr);

  // A process group of its own: the terminal's Ctrl-C reaches the CLI alone, which then drains.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, process.options.log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const int error =
      posix_spawn(&process.pid, argv[0], &actions, &attributes, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    process.pid = 0;
    return absl::ErrnoToStatus(error, absl::StrCat(process.options.argv[0], ": cannot start"));
  }
  process.started = absl::Now();
  return absl::OkStatus();
}

absl::Status Supervisor::Start(ProcessOptions options) {
  std::lock_guard lock(mutex_);
  processes_.push_back({std::move(options)});
  return Spawn(processes_.back());
}

absl::Status Supervisor::Failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

// The only place that reaps. Children's ends are polled: SIGCHLD would be one more global.
void Supervisor::Watch() {
  std::unique_lock lock(mutex_);
  while (true) {
    bool any = false;
    for (Process& process : processes_) {
      if (process.pid == 0) {
        if (Revive(process)) any = true;
        continue;
      }
      if (waitpid(process.pid, nullptr, WNOHANG) != process.pid) {
        any = true;
        continue;
      }
      process.pid = 0;
      const bool quick = absl::Now() - process.started < kQuickEnd;
      process.quick_ends = quick ? process.quick_ends + 1 : 0;
      process.due =
          absl::Now() + (quick ? std::min(kLongestDelay, kFirstDelay * (1 << process.quick_ends))
                               : absl::ZeroDuration());
    }
    if (stopping_ && !any) break;
    changed_.notify_all();
    changed_.wait_for(lock, absl::ToChronoMilliseconds(kPoll));
  }
  changed_.notify_all();
}

// Starts an ended process when its time has come; true when it runs.
bool Supervisor::Revive(Process& process) {
  if (stopping_ || !failure_.ok() || absl::Now() < process.due) return false;
  if (process.quick_ends <= kMostQuickEnds && Spawn(process).ok()) return true;
  failure_ = absl::UnavailableError(absl::StrCat(process.options.name, " keeps ending; see ",
                                                 process.options.log.string(), ": ",
                                                 LastLine(process.options.log)));
  return false;
}

void Supervisor::Stop(absl::Duration grace) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  const absl::Time deadline = absl::Now() + grace;
  for (auto process = processes_.rbegin(); process != processes_.rend(); ++process) {
    if (process->pid != 0) kill(process->pid, SIGTERM);
    while (process->pid != 0 && absl::Now() < deadline) {
      changed_.notify_all();
      changed_.wait_for(lock, absl::ToChronoMilliseconds(kPoll));
    }
    if (process->pid != 0) kill(process->pid, SIGKILL);
  }
  changed_.notify_all();
}

void Supervisor::Kill() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  for (Process& process : processes_) {
    if (process.pid != 0) kill(process.pid, SIGKILL);
  }
  changed_.notify_all();
}

}  // namespace foundry::cli
