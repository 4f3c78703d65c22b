// A training whose ranks run on two trainer processes, all real: the same as on one, and whatever
// is killed, the same losses in the end.
#include <signal.h>

#include <cstdlib>
#include <map>

#include "absl/strings/match.h"
#include "common/testing/cluster.h"
#include "common/testing/tiny_training.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry {
namespace {

namespace v1 = coordinator::v1;
using testing::ChildProcess;
using testing::Cluster;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(150);
constexpr char kMissing[] = "needs 2 devices, workers of stage trainer offer 1";

class GangTest : public ::testing::Test {
 protected:
  GangTest() : cluster_({"--lease-seconds=4"}) {
    // As many for each rank wherever it runs: sums are the same then, bit for bit.
    setenv("OMP_NUM_THREADS", "1", 1);
  }

  // Starts a job of 6 steps an epoch, all of them checkpoints.
  std::string Train(const std::string& output, int epochs, int devices, int min_devices) {
    const auto spec = testing::MakeTinyTraining(
        cluster_.folder(),
        {.name = output, .epochs = epochs, .devices = devices, .min_devices = min_devices});
    EXPECT_TRUE(spec.ok()) << spec.status();
    return cluster_.CreateJob(spec.value_or(""));
  }
  std::unique_ptr<ChildProcess> StartNode(const std::string& name, int devices = 1) {
    return cluster_.StartNode(name, testing::BuiltProgram("foundry-trainer"),
                              {absl::StrCat("--devices=", devices), "--state-seconds=0"});
  }
  v1::Task TaskOf(const std::string& job) {
    const v1::Job now = cluster_.GetJob(job);
    for (const v1::Step& step : now.steps()) {
      for (const v1::Task& task : step.tasks()) return task;
    }
    return {};
  }
  // Waits until the training under way has done so many steps.
  v1::Task WaitForStep(const std::string& job, int64_t step) {
    const absl::Time end = absl::Now() + kLong;
    for (v1::Task task; absl::Now() < end; absl::SleepFor(absl::Milliseconds(50))) {
      task = TaskOf(job);
      if (task.state() == v1::STATE_RUNNING && task.progress().done() >= step) return task;
      if (cluster_.GetJob(job).state() > v1::STATE_RUNNING) break;
    }
    ADD_FAILURE() << "step " << step << " does not come: " << cluster_.GetJob(job).DebugString();
    return {};
  }
  // Every event's message, after the job succeeded.
  std::string Finish(const std::string& job) {
    std::string messages;
    for (const v1::Event& event : cluster_.WatchToEnd(job, kLong)) {
      absl::StrAppend(&messages, event.message(), "\n");
    }
    EXPECT_EQ(cluster_.GetJob(job).state(), v1::STATE_SUCCEEDED) << messages;
    return messages;
  }
  // The loss of each step.
  std::map<int64_t, double> Losses(const std::string& output) {
    const auto files = testing::ReadTrained(cluster_.folder() / output);
    EXPECT_TRUE(files.ok()) << files.status();
    return files.ok() ? files->losses : std::map<int64_t, double>();
  }
  // Who runs rank 0, by what its log says of its id.
  static bool Leads(const ChildProcess& node, const v1::Task& task) {
    return node.Log().find(task.worker_id()) != std::string::npos;
  }

  Cluster cluster_;
};

TEST_F(GangTest, TwoWorkersTrainAsOneDoesAndWhateverIsKilledChangesNothing) {
  auto whole = StartNode("whole", 2);
  Finish(Train("one", 40, 1, 1));
  Finish(Train("local", 40, 2, 2));
  whole->Signal(SIGTERM);
  EXPECT_EQ(whole->Wait(kLong), 0) << whole->Log();
  const std::map<int64_t, double> expected = Losses("local");
  ASSERT_EQ(expected.size(), 240u);
  for (const auto& [step, loss] : Losses("one")) {
    if (step > 48) break;  // the roundings of half precision add up
    EXPECT_NEAR(loss, expected.at(step), 0.01 * expected.at(step)) << "step " << step;
  }

  std::map<std::string, std::unique_ptr<ChildProcess>> nodes;
  nodes["a"] = StartNode("a");
  const std::string job = Train("gang", 40, 2, 2);
  const absl::Time gathers = absl::Now() + kLong;
  while (!absl::StartsWith(TaskOf(job).reason(), kMissing) && absl::Now() < gathers) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_THAT(TaskOf(job).reason(), HasSubstr(kMissing));
  nodes["b"] = StartNode("b");
  v1::Task task = WaitForStep(job, 10);
  const auto kill_one = [&](bool leader) {
    for (auto& [name, node] : nodes) {
      if (Leads(*node, task) != leader) continue;
      node->Signal(SIGKILL);
      node->Wait(kLong);
      nodes.erase(name);
      return;
    }
    ADD_FAILURE() << "no such node";
  };
  kill_one(/*leader=*/false);
  nodes["c"] = StartNode("c");
  task = WaitForStep(job, static_cast<int64_t>(task.progress().done()) + 20);
  EXPECT_GE(task.attempt(), 2);
  // With the leader its folder is gone: another one goes on from what it stored.
  const int attempts = task.attempt();
  kill_one(/*leader=*/true);
  nodes["d"] = StartNode("d");
  task = WaitForStep(job, static_cast<int64_t>(task.progress().done()) + 20);
  EXPECT_GT(task.attempt(), attempts);
  // Nobody notices that the coordinator is another one.
  cluster_.coordinator().Signal(SIGKILL);
  cluster_.coordinator().Wait(kLong);
  cluster_.StartCoordinator();
  const std::string messages = Finish(job);
  EXPECT_THAT(messages, HasSubstr("training with 2 ranks, 1 of them on this worker"));
  EXPECT_THAT(messages, HasSubstr("resuming after step"));
  EXPECT_EQ(Losses("gang"), expected) << messages;
}

TEST_F(GangTest, ADrainedWorkerIsReplacedByFewerRanksWhereTheSpecAllowsIt) {
  auto a = StartNode("a"), b = StartNode("b");
  const std::string job = Train("fewer", 40, 2, 1);
  const v1::Task task = WaitForStep(job, 10);
  ChildProcess& leaves = Leads(*a, task) ? *b : *a;
  leaves.Signal(SIGTERM);
  EXPECT_EQ(leaves.Wait(kLong), 0) << leaves.Log();
  EXPECT_THAT(leaves.Log(), ContainsRegex("(task|seat) released"));
  const std::string messages = Finish(job);
  EXPECT_THAT(messages, HasSubstr("of the gang gave its seat back"));
  EXPECT_THAT(messages, Not(HasSubstr("failed"))) << "a drain counts as no attempt";
  EXPECT_THAT(messages, HasSubstr("resuming after step"));
  EXPECT_EQ(Losses("fewer").size(), 240u);
}

TEST_F(GangTest, CancellationEndsEveryRank) {
  auto a = StartNode("a"), b = StartNode("b");
  const std::string job = Train("cancelled", 1000, 2, 2);
  WaitForStep(job, 5);
  cluster_.CancelJob(job);
  cluster_.WatchToEnd(job, kLong);
  EXPECT_EQ(cluster_.GetJob(job).state(), v1::STATE_CANCELLED);
  for (ChildProcess* node : {a.get(), b.get()}) {
    // Where the leader was faster, the other's next heartbeat finds the generation over.
    EXPECT_TRUE(node->WaitForAnyLog({"task released", "seat released", "seat lost"}, kLong))
        << node->Log();
  }
}

}  // namespace
}  // namespace foundry
