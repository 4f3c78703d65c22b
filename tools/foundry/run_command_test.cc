// foundry run as its users run it: what Ctrl-C, and the end of another command, leave behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/cancel.h"
#include "common/base/files.h"
#include "common/testing/child_process.h"

namespace foundry::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kPatience = absl::Minutes(4);  // on a machine that does much else

class RunCommandTest : public ::testing::Test {
 protected:
  RunCommandTest() {
    chmod(folder_.path().c_str(), 0711);  // PostgreSQL's account must reach the state
    std::string rows;
    for (int i = 0; i < 600; ++i) {
      absl::StrAppend(&rows, "{\"text\": \"Port ", i, " belongs to service ", i * 7,
                      ". It was registered in ", 1970 + i % 50, " by the Example Foundation, and ",
                      "Maria Weber of Geneva maintains its list of hosts.\"}\n");
    }
    EXPECT_TRUE(WriteFileAtomic(Path("docs/rows.jsonl"), rows).ok());
    EXPECT_TRUE(WriteFileAtomic(Path("pipeline.yaml"),
                                "name: interrupted\noutput_dir: Output\n"
                                "steps: [extraction, enrichment]\nsources:\n  - json: docs\n")
                    .ok());
  }
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::unique_ptr<testing::ChildProcess> Start(const std::string& log,
                                               std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), testing::BuiltProgram("foundry"));
    return std::make_unique<testing::ChildProcess>(
        arguments, Path(log), std::vector<std::string>{"FOUNDRY_HOME=" + Path("state")});
  }
  // PostgreSQL removes it when it ends in order.
  bool DatabaseRuns() const { return fs::exists(Path("state/postgres/data/postmaster.pid")); }

  TempFolder folder_ = *TempFolder::Make();
};

TEST_F(RunCommandTest, CtrlCEndsTheServicesInOrder) {
  const auto run = Start("log", {"run", Path("pipeline.yaml")});
  ASSERT_TRUE(run->WaitForLog("job ", kPatience)) << run->Log();
  run->Signal(SIGINT);
  EXPECT_EQ(run->Wait(kPatience), 130) << run->Log();
  EXPECT_THAT(run->Log(), HasSubstr("running tasks are given back"));
  EXPECT_THAT(run->Log(), HasSubstr("foundry run " + Path("pipeline.yaml")));
  EXPECT_FALSE(DatabaseRuns());
}

TEST_F(RunCommandTest, SubmitNeedsNoCoordinatorToRefuseASpec) {
  const auto submit = Start("log", {"submit", Path("none.yaml")});
  EXPECT_NE(submit->Wait(kPatience), 0);
  EXPECT_THAT(submit->Log(), HasSubstr(Path("none.yaml")));
  EXPECT_THAT(submit->Log(), Not(HasSubstr("foundry up")));
}

TEST_F(RunCommandTest, CtrlCWhileTheServicesStart) {
  const auto run = Start("log", {"run", Path("pipeline.yaml")});
  for (int i = 0; i < 9000 && !fs::exists(Path("state/postgres")); ++i) {
    CancelToken().WaitFor(absl::Milliseconds(10));
  }
  run->Signal(SIGINT);
  EXPECT_EQ(run->Wait(kPatience), 130) << run->Log();
  EXPECT_FALSE(DatabaseRuns());
}

TEST_F(RunCommandTest, TakesTheServicesOverWhenTheirOwnerEnds) {
  const auto owner = Start("owner", {"up"});
  ASSERT_TRUE(owner->WaitForLog("coordinator.sock", kPatience)) << owner->Log();
  const auto run = Start("log", {"run", Path("pipeline.yaml")});
  ASSERT_TRUE(run->WaitForLog("job ", kPatience)) << run->Log();
  owner->Signal(SIGTERM);
  EXPECT_EQ(owner->Wait(kPatience), 0) << owner->Log();
  EXPECT_EQ(run->Wait(kPatience), 0) << run->Log();
  EXPECT_TRUE(fs::exists(Path("Output/enriched_data.json")));
  EXPECT_FALSE(DatabaseRuns());
}

}  // namespace
}  // namespace foundry::cli
