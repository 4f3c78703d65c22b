// What happens to a task when the process that runs it, or the coordinator, goes away: recorded
// exactly once, by whichever attempt finishes.
#include <signal.h>

#include <fstream>
#include <map>

#include "common/storage/manifest.h"
#include "common/testing/cluster.h"
#include "gtest/gtest.h"

namespace foundry {
namespace {

namespace v1 = coordinator::v1;
namespace fs = std::filesystem;
using testing::ChildProcess;
using testing::Cluster;

constexpr absl::Duration kLong = absl::Seconds(90);

class NodeKilledTest : public ::testing::Test {
 protected:
  explicit NodeKilledTest(std::vector<std::string> flags = {"--lease-seconds=3"})
      : cluster_(std::move(flags)) {
    std::ofstream(cluster_.folder() / "a.json") << "[]";
    job_ = cluster_.CreateJob(
        "sources: [{json: a.json}]\nsteps: [extraction]\nextraction: {shards: 1}\n"
        "output_dir: out\n");
  }
  std::unique_ptr<ChildProcess> StartNode(const std::string& name) {
    return cluster_.StartNode(name, testing::BuiltProgram("../tests/waiting_stage"));
  }
  bool Begun(const ChildProcess& node) const {
    return fs::exists(cluster_.folder() / absl::StrCat("begun-", node.pid()));
  }
  // Waits until the node's handler runs.
  void WaitUntilBegun(ChildProcess& node) {
    const absl::Time end = absl::Now() + kLong;
    while (!Begun(node) && absl::Now() < end) absl::SleepFor(absl::Milliseconds(10));
    ASSERT_TRUE(Begun(node)) << node.Log();
  }
  void LetGo() { std::ofstream(cluster_.folder() / "go") << ""; }
  v1::Task FirstTask() {
    const v1::Job job = cluster_.GetJob(job_);
    for (const v1::Step& step : job.steps()) {
      for (const v1::Task& task : step.tasks()) {
        if (task.key() == "extract/0") return task;
      }
    }
    return {};
  }
  // Waits for the end of the job: every task succeeded once, event numbers have no gaps.
  void ExpectDoneOnce() {
    const std::vector<v1::Event> events = cluster_.WatchToEnd(job_, kLong);
    std::map<std::string, int> successes;
    int64_t number = 0;
    for (const v1::Event& event : events) {
      EXPECT_EQ(event.event_id(), ++number);
      if (event.state() == v1::STATE_SUCCEEDED && !event.task_key().empty()) {
        ++successes[event.task_key()];
      }
    }
    EXPECT_EQ(successes, (std::map<std::string, int>{{"extract/0", 1}, {"extract/join", 1}}));
    EXPECT_EQ(cluster_.GetJob(job_).state(), v1::STATE_SUCCEEDED);
    EXPECT_TRUE(fs::exists(cluster_.folder() / "out/documents.jsonl"));
  }

  Cluster cluster_;
  std::string job_;
};

TEST_F(NodeKilledTest, AnotherNodeFinishesTheTaskExactlyOnce) {
  auto first = StartNode("a");
  WaitUntilBegun(*first);
  first->Signal(SIGKILL);
  first->Wait(kLong);
  auto second = StartNode("b");
  LetGo();
  ExpectDoneOnce();
  EXPECT_TRUE(Begun(*second));
  EXPECT_EQ(FirstTask().attempt(), 2);
}

TEST_F(NodeKilledTest, AStoppedNodeThatWakesUpChangesNothing) {
  auto first = StartNode("a");
  WaitUntilBegun(*first);
  first->Signal(SIGSTOP);  // its lease runs out while it still believes in it
  auto second = StartNode("b");
  WaitUntilBegun(*second);
  LetGo();
  first->Signal(SIGCONT);
  ExpectDoneOnce();
}

TEST_F(NodeKilledTest, ADrainedNodeGivesTheTaskBackAtOnce) {
  auto first = StartNode("a");
  WaitUntilBegun(*first);
  first->Signal(SIGTERM);
  EXPECT_EQ(first->Wait(kLong), 0) << first->Log();
  EXPECT_NE(first->Log().find("task released"), std::string::npos) << first->Log();
  auto second = StartNode("b");
  LetGo();
  ExpectDoneOnce();
}

TEST_F(NodeKilledTest, AKilledCoordinatorForgetsNothing) {
  auto node = StartNode("a");
  WaitUntilBegun(*node);
  cluster_.coordinator().Signal(SIGKILL);
  cluster_.coordinator().Wait(kLong);
  LetGo();  // the task finishes while nobody listens
  cluster_.StartCoordinator();
  ExpectDoneOnce();
}

TEST_F(NodeKilledTest, ACancelledJobLeavesNoOutput) {
  auto node = StartNode("a");
  WaitUntilBegun(*node);
  cluster_.CancelJob(job_);
  cluster_.WatchToEnd(job_, kLong);
  EXPECT_EQ(cluster_.GetJob(job_).state(), v1::STATE_CANCELLED);
  EXPECT_FALSE(fs::exists(cluster_.folder() / "out/documents.jsonl"));
}

// With leases as long as they are in earnest.
class CancelledTest : public NodeKilledTest {
 protected:
  CancelledTest() : NodeKilledTest({}) {}
};

TEST_F(CancelledTest, AWorkerLearnsOfItWithinASecondOrTwo) {
  auto node = StartNode("a");
  WaitUntilBegun(*node);
  const absl::Time cancelled = absl::Now();
  cluster_.CancelJob(job_);
  ASSERT_TRUE(node->WaitForLog("the job was cancelled", kLong)) << node->Log();
  const absl::Duration took = absl::Now() - cancelled;
  RecordProperty("milliseconds", static_cast<int>(absl::ToInt64Milliseconds(took)));
  EXPECT_LT(took, absl::Seconds(3));  // generous: a heartbeat's period is 0.8 s
  cluster_.WatchToEnd(job_, kLong);
  EXPECT_EQ(cluster_.GetJob(job_).state(), v1::STATE_CANCELLED);
}

}  // namespace
}  // namespace foundry
