#include "common/worker/running_tasks.h"

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "gtest/gtest.h"

namespace foundry::worker {
namespace {

TEST(RunningTasksTest, ALeaseThatComesTwiceIsRunOnce) {
  RunningTasks tasks;
  CancelToken first, second, other;
  RunningTasks::Attempt running(&tasks, "t1", 7, first);
  EXPECT_TRUE(running.own());
  {
    const RunningTasks::Attempt again(&tasks, "t1", 7, second);
    EXPECT_FALSE(again.own());
    const RunningTasks::Attempt stale(&tasks, "t1", 6, second);
    EXPECT_FALSE(stale.own());
    EXPECT_TRUE(RunningTasks::Attempt(&tasks, "t2", 7, other).own());
  }
  EXPECT_FALSE(first.Cancelled());
  // What was left alone has not ended the one under way.
  EXPECT_FALSE(RunningTasks::Attempt(&tasks, "t1", 7, second).own());
  running.AwaitEarlier();
}

TEST(RunningTasksTest, ALaterLeaseEndsTheEarlierAttemptAndWaitsForIt) {
  RunningTasks tasks;
  CancelToken first, second;
  auto earlier = std::make_unique<RunningTasks::Attempt>(&tasks, "t1", 7, first);
  std::atomic<bool> earlier_ended = false;
  std::promise<void> begun;
  std::thread later([&] {
    RunningTasks::Attempt attempt(&tasks, "t1", 8, second);
    EXPECT_TRUE(attempt.own());
    begun.set_value();
    attempt.AwaitEarlier();
    EXPECT_TRUE(earlier_ended);
  });
  begun.get_future().wait();
  EXPECT_TRUE(first.Cancelled());
  EXPECT_FALSE(second.Cancelled());
  earlier_ended = true;
  earlier.reset();
  later.join();
}

TEST(RunningTasksTest, CancelsAll) {
  RunningTasks tasks;
  CancelToken one, two;
  const RunningTasks::Attempt a(&tasks, "t1", 1, one), b(&tasks, "t2", 1, two);
  tasks.CancelAll("drained");
  EXPECT_EQ(one.Check().message(), "drained");
  EXPECT_TRUE(two.Cancelled());
}

}  // namespace
}  // namespace foundry::worker
