#include "tools/foundry/local/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "common/base/files.h"

namespace foundry::cli {
namespace {

// A program that writes its pid as a line of its log and waits for a signal.
ProcessOptions Sleeper(const std::string& name, const std::filesystem::path& folder) {
  return {.name = name,
          .argv = {"/bin/sh", "-c", "echo $$; exec sleep 1000"},
          .log = folder / absl::StrCat(name, ".log")};
}

std::vector<pid_t> Pids(const ProcessOptions& process) {
  std::ifstream in(process.log);
  std::vector<pid_t> pids;
  for (pid_t pid; in >> pid;) pids.push_back(pid);
  return pids;
}

// The pid of the nth start; 0 when there is none after a minute.
pid_t AwaitStart(const ProcessOptions& process, size_t n) {
  const CancelToken never;
  const absl::Time give_up = absl::Now() + absl::Minutes(1);
  while (absl::Now() < give_up) {
    if (auto pids = Pids(process); pids.size() >= n) return pids[n - 1];
    never.WaitFor(absl::Milliseconds(20));
  }
  return 0;
}

// Whichever of several dies is started again, while the others run on.
TEST(SupervisorTest, StartsAgainWhateverDies) {
  auto folder = TempFolder::Make();
  ASSERT_TRUE(folder.ok());
  const std::vector<ProcessOptions> processes = {Sleeper("first", folder->path()),
                                                 Sleeper("second", folder->path()),
                                                 Sleeper("third", folder->path())};
  Supervisor supervisor;
  for (const ProcessOptions& process : processes) ASSERT_TRUE(supervisor.Start(process).ok());
  for (const ProcessOptions& process : processes) {
    const pid_t pid = AwaitStart(process, 1);
    ASSERT_NE(pid, 0);
    kill(pid, SIGKILL);
    const pid_t again = AwaitStart(process, 2);
    EXPECT_NE(again, 0) << process.name << " stays down";
    EXPECT_NE(again, pid);
  }
  EXPECT_TRUE(supervisor.Failure().ok());
  supervisor.Stop(absl::Seconds(20));
  for (const ProcessOptions& process : processes) {
    EXPECT_EQ(Pids(process).size(), 2u) << process.name;
    EXPECT_NE(kill(Pids(process).back(), 0), 0) << process.name << " outlives the supervisor";
  }
}

// As where `trap '' CHLD` came before the command: children end without anybody to be waited for.
TEST(SupervisorTest, SeesEndsWhereSigchldIsIgnored) {
  auto folder = TempFolder::Make();
  ASSERT_TRUE(folder.ok());
  const auto before = signal(SIGCHLD, SIG_IGN);
  const ProcessOptions process = Sleeper("one", folder->path());
  {
    Supervisor supervisor;
    ASSERT_TRUE(supervisor.Start(process).ok());
    const pid_t pid = AwaitStart(process, 1);
    ASSERT_NE(pid, 0);
    kill(pid, SIGKILL);
    EXPECT_NE(AwaitStart(process, 2), 0) << "stays down";
  }
  signal(SIGCHLD, before);
}

// A program that somebody supervises may supervise others: they are told of it, not of its parent.
TEST(SupervisorTest, NamesItselfAsTheParent) {
  auto folder = TempFolder::Make();
  ASSERT_TRUE(folder.ok());
  setenv("FOUNDRY_PARENT_PID", "1", 1);
  const ProcessOptions process = {.name = "one",
                                  .argv = {"/usr/bin/printenv", "FOUNDRY_PARENT_PID"},
                                  .log = folder->path() / "one.log"};
  Supervisor supervisor;
  ASSERT_TRUE(supervisor.Start(process).ok());
  EXPECT_EQ(AwaitStart(process, 1), getpid());
  unsetenv("FOUNDRY_PARENT_PID");
}

// The kernel signals a child when the thread that started it ends.
TEST(SupervisorTest, ChildrenOutliveTheThreadThatAskedForThem) {
  auto folder = TempFolder::Make();
  ASSERT_TRUE(folder.ok());
  ProcessOptions process = Sleeper("one", folder->path());
  process.argv[2] = "exec setpriv --pdeathsig TERM /bin/sh -c 'echo $$; exec sleep 1000'";
  const ProcessOptions next = Sleeper("two", folder->path());
  Supervisor supervisor;
  pid_t pid = 0;
  std::thread([&] {
    ASSERT_TRUE(supervisor.Start(process).ok());
    pid = AwaitStart(process, 1);
  }).join();
  ASSERT_TRUE(supervisor.Start(next).ok());
  ASSERT_NE(AwaitStart(next, 1), 0);
  EXPECT_EQ(kill(pid, 0), 0);
  EXPECT_EQ(Pids(process), std::vector<pid_t>{pid});
}

}  // namespace
}  // namespace foundry::cli
