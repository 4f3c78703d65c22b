#include "common/testing/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/files.h"

namespace foundry::testing {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(10);

}  // namespace

std::string BuiltProgram(const std::string& name) {
  const char* folder = getenv("FOUNDRY_BIN_DIR");
  const std::string path = absl::StrCat(folder == nullptr ? "build/dev/bin" : folder, "/", name);
  if (access(path.c_str(), X_OK) != 0) {
    fprintf(stderr, "%s is not built, or FOUNDRY_BIN_DIR is not set\n", path.c_str());
    abort();
  }
  return path;
}

ChildProcess::ChildProcess(std::vector<std::string> argv, std::filesystem::path log,
                           const std::vector<std::string>& environment)
    : log_(std::move(log)) {
  std::vector<char*> arguments;
  for (std::string& argument : argv) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  std::vector<std::string> variables = environment;
  variables.push_back(absl::StrCat("FOUNDRY_PARENT_PID=", getpid()));
  std::vector<char*> environ_of_child;
  for (std::string& variable : variables) environ_of_child.push_back(variable.data());
  for (char** entry = environ; *entry != nullptr; ++entry) environ_of_child.push_back(*entry);
  environ_of_child.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  if (posix_spawn(&pid_, argv[0].c_str(), &actions, nullptr, arguments.data(),
                  environ_of_child.data()) != 0) {
    fprintf(stderr, "cannot start %s\n", argv[0].c_str());
    abort();
  }
  posix_spawn_file_actions_destroy(&actions);
}

ChildProcess::~ChildProcess() {
  if (Poll()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ChildProcess::Signal(int signal) {
  if (!Poll()) kill(pid_, signal);
}

bool ChildProcess::Poll() {
  if (exit_code_ >= 0) return true;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

int ChildProcess::Wait(absl::Duration limit) {
  const absl::Time end = absl::Now() + limit;
  while (!Poll() && absl::Now() < end) absl::SleepFor(kPoll);
  return exit_code_;
}

bool ChildProcess::WaitForLog(const std::string& text, absl::Duration limit) {
  return WaitForAnyLog({text}, limit);
}

bool ChildProcess::WaitForAnyLog(const std::vector<std::string>& texts, absl::Duration limit) {
  const absl::Time end = absl::Now() + limit;
  while (true) {
    const bool ended = Poll();
    const std::string log = Log();
    for (const std::string& text : texts) {
      if (absl::StrContains(log, text)) return true;
    }
    if (ended || absl::Now() >= end) return false;
    absl::SleepFor(kPoll);
  }
}

std::string ChildProcess::Log() const { return ReadFile(log_).value_or(""); }

}  // namespace foundry::testing
