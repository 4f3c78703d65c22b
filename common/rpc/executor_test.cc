#include "common/rpc/executor.h"

#include <atomic>
#include <future>

#include "common/base/error_details.h"
#include "gtest/gtest.h"

namespace foundry::rpc {
namespace {

TEST(Executor, ShortCallsFindAThreadBesideFullLongOnes) {
  std::promise<void> gate;
  const std::shared_future<void> opened = gate.get_future().share();
  Executor executor({.max_threads = 3, .max_long_calls = 2, .max_waiting = 8});
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(executor.Run(CallLength::kLong, [opened] { opened.wait(); }).ok());
  }
  const absl::Status third = executor.Run(CallLength::kLong, [] {});
  EXPECT_EQ(third.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(RetryAfterOf(third).has_value());
  std::promise<void> ran;
  ASSERT_TRUE(executor.Run(CallLength::kShort, [&ran] { ran.set_value(); }).ok());
  ran.get_future().wait();
  gate.set_value();
}

TEST(Executor, RefusesWhatItCannotQueue) {
  std::promise<void> gate;
  const std::shared_future<void> opened = gate.get_future().share();
  std::promise<void> taken;
  Executor executor({.max_threads = 1, .max_long_calls = 1, .max_waiting = 1});
  ASSERT_TRUE(executor
                  .Run(CallLength::kShort,
                       [&taken, opened] {
                         taken.set_value();
                         opened.wait();
                       })
                  .ok());
  taken.get_future().wait();
  ASSERT_TRUE(executor.Run(CallLength::kShort, [] {}).ok());
  EXPECT_EQ(executor.Run(CallLength::kShort, [] {}).code(), absl::StatusCode::kResourceExhausted);
  gate.set_value();
}

TEST(Executor, FinishesWhatItAcceptedBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    Executor executor({.max_threads = 2, .max_long_calls = 1, .max_waiting = 100});
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(executor.Run(CallLength::kShort, [&ran] { ++ran; }).ok());
    }
  }
  EXPECT_EQ(ran, 50);
}

}  // namespace
}  // namespace foundry::rpc
