#include "tools/foundry/local/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

extern char** environ;

namespace foundry::cli {
namespace {

constexpr int kMostQuickEnds = 12;
constexpr std::chrono::milliseconds kFirstDelay(200), kLongestDelay(8'000);
constexpr std::chrono::seconds kQuickEnd(5);  // an end sooner than this counts as quick
constexpr std::chrono::milliseconds kPoll(100);

constexpr absl::string_view kParent = "FOUNDRY_PARENT_PID=";

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

  std::string parent = absl::StrCat(kParent, getpid());
  std::vector<char*> environment = {parent.data()};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    // Our own parent's, when this program has one that names itself.
    if (!absl::StartsWith(*entry, kParent)) environment.push_back(*entry);
  }
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
  process.started = Clock::now();
  return absl::OkStatus();
}

absl::Status Supervisor::Start(ProcessOptions options) {
  std::unique_lock lock(mutex_);
  if (stopping_) return absl::CancelledError("the services are being stopped");
  Process& process = processes_.emplace_back();
  process.options = std::move(options);
  changed_.notify_all();
  changed_.wait(lock, [&process] { return !process.asked; });
  return process.first_start;
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
      if (process.asked) {
        process.first_start =
            stopping_ ? absl::CancelledError("the services are being stopped") : Spawn(process);
        process.asked = false;
        any = true;
        continue;
      }
      if (process.pid == 0) {
        if (Revive(process)) any = true;
        continue;
      }
      const pid_t ended = waitpid(process.pid, nullptr, WNOHANG);
      // -1: whoever started this program has it ignore SIGCHLD, and the kernel reaps.
      if (ended == 0 || (ended < 0 && errno == EINTR)) {
        any = true;
        continue;
      }
      process.pid = 0;
      const Clock::time_point now = Clock::now();
      const bool quick = now - process.started < kQuickEnd;
      process.quick_ends = quick ? process.quick_ends + 1 : 0;
      process.due = now + (quick ? std::min(kLongestDelay, kFirstDelay * (1 << process.quick_ends))
                                 : std::chrono::milliseconds(0));
    }
    if (stopping_ && !any) break;
    changed_.notify_all();
    changed_.wait_for(lock, kPoll);
  }
  changed_.notify_all();
}

// Starts an ended process when its time has come; true when it runs.
bool Supervisor::Revive(Process& process) {
  if (stopping_ || !failure_.ok() || Clock::now() < process.due) return false;
  if (process.quick_ends <= kMostQuickEnds && Spawn(process).ok()) return true;
  failure_ = absl::UnavailableError(absl::StrCat(process.options.name, " keeps ending; see ",
                                                 process.options.log.string(), ": ",
                                                 LastLine(process.options.log)));
  return false;
}

void Supervisor::Stop(absl::Duration grace) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  const Clock::time_point deadline = Clock::now() + absl::ToChronoMilliseconds(grace);
  for (auto process = processes_.rbegin(); process != processes_.rend(); ++process) {
    if (process->pid != 0) kill(process->pid, SIGTERM);
    while (process->pid != 0 && Clock::now() < deadline) {
      changed_.notify_all();
      changed_.wait_for(lock, kPoll);
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
