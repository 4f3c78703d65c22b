#include "services/coordinator/waiting.h"

#include "gtest/gtest.h"

namespace foundry::coordinator {
namespace {

using Workers = std::map<std::string, StageWorkers>;

WaitingTask Trainer(absl::Duration age = absl::Minutes(5)) {
  WaitingTask task;
  task.stage = "trainer";
  task.age = age;
  return task;
}
const Workers kHere = {{"trainer", {absl::Seconds(3), absl::Seconds(3), 2, 1}}};

TEST(WhyWaiting, NobodyServesTheStage) {
  EXPECT_EQ(WhyWaiting(Trainer(absl::Seconds(34)), {}), "no worker for stage trainer for 30s");
  EXPECT_EQ(WhyWaiting(Trainer(), {{"trainer", {absl::Seconds(95), absl::Seconds(95)}}}),
            "no worker for stage trainer for 1m");
  EXPECT_EQ(WhyWaiting(Trainer(absl::Seconds(2)), {}),
            "no worker for stage trainer for some seconds");
}

TEST(WhyWaiting, NobodyHasAGpu) {
  WaitingTask task = Trainer();
  const Workers without = {{"trainer", {absl::Seconds(1), absl::Seconds(250), 1, 1}}};
  EXPECT_EQ(WhyWaiting(task, without), "next for a worker of stage trainer");
  task.needs_gpu = true;
  EXPECT_EQ(WhyWaiting(task, without), "no worker with a GPU for stage trainer for 4m");
}

TEST(WhyWaiting, BackOffComesFirstAndTheFailureIsTold) {
  WaitingTask task = Trainer();
  task.backoff = absl::Seconds(8);
  task.not_before = absl::FromUnixSeconds(12 * 3600 + 5);
  task.failure = "UNAVAILABLE: no answer";
  EXPECT_EQ(WhyWaiting(task, {}),
            "waits until 12:00:05Z before it is tried again; before: UNAVAILABLE: no answer");
  task.backoff = absl::ZeroDuration();
  EXPECT_EQ(WhyWaiting(task, kHere),
            "next for a worker of stage trainer; before: UNAVAILABLE: no answer");
}

TEST(WhyWaiting, LimitsAndOtherTasks) {
  WaitingTask task = Trainer();
  task.ahead = 12;
  EXPECT_EQ(WhyWaiting(task, kHere), "behind 12 tasks");
  task.ahead = 1;
  EXPECT_EQ(WhyWaiting(task, kHere), "behind 1 task");
  task.ahead = kMostAhead;
  EXPECT_EQ(WhyWaiting(task, kHere), "behind 1000 tasks or more");
  task.max_running = task.running = 4;
  EXPECT_EQ(WhyWaiting(task, kHere), "its job runs 4 tasks, its limit");
}

TEST(WhyWaiting, WantsMoreDevicesThanThereAre) {
  WaitingTask task = Trainer();
  task.ranks = task.min_ranks = 4;
  EXPECT_EQ(WhyWaiting(task, kHere), "needs 4 devices, workers of stage trainer offer 2");
  task.min_ranks = 3;
  EXPECT_EQ(WhyWaiting(task, kHere), "needs 3 to 4 devices, workers of stage trainer offer 2");
  task.min_ranks = 2;
  EXPECT_EQ(WhyWaiting(task, kHere), "next for a worker of stage trainer");
  task.seats = 1;
  EXPECT_EQ(WhyWaiting(task, kHere), "gathers 4 devices, has 1");
  task.seats = 0;
  task.min_ranks = 4;
  const Workers large = {{"trainer", {absl::Seconds(3), absl::Seconds(3), kAnyNumber, kAnyNumber}}};
  EXPECT_EQ(WhyWaiting(task, large), "next for a worker of stage trainer");
}

}  // namespace
}  // namespace foundry::coordinator
