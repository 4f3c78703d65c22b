#include "services/coordinator/schedule.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::coordinator {
namespace {

using ::testing::ElementsAre;

ReadyWork Work(const std::string& job, int priority = 0, int running = 0, int position = 1) {
  ReadyWork work;
  work.job_id = job;
  work.stage = "teacher";
  work.first_position = position;
  work.priority = priority;
  work.running = running;
  return work;
}

std::map<std::string, int> Given(const std::vector<ReadyWork>& work, int workers) {
  std::map<std::string, int> given;
  for (const Allotment& allotment : ShareOut(work, workers)) {
    given[allotment.job_id] += allotment.most;
  }
  return given;
}

using Shares = std::map<std::string, int>;

TEST(Schedule, NobodyToServeOrNothingToDo) {
  EXPECT_TRUE(ShareOut({}, 5).empty());
  EXPECT_TRUE(ShareOut({Work("a")}, 0).empty());
}

TEST(Schedule, EqualJobsGetEqualShares) {
  EXPECT_EQ(Given({Work("a"), Work("b", 0, 0, 2)}, 6), (Shares{{"a", 3}, {"b", 3}}));
  // What a job holds already counts.
  EXPECT_EQ(Given({Work("a", 0, 4), Work("b", 0, 0, 2)}, 6), (Shares{{"a", 1}, {"b", 5}}));
}

TEST(Schedule, OlderWorkFirstBetweenEquals) {
  EXPECT_EQ(Given({Work("new", 0, 0, 9), Work("old", 0, 0, 3)}, 1), (Shares{{"old", 1}}));
}

TEST(Schedule, StagesOfAJobShareItsPart) {
  ReadyWork other = Work("a", 0, 0, 2);
  other.stage = "trainer";
  EXPECT_EQ(Given({Work("a"), other, Work("b", 0, 0, 3)}, 8), (Shares{{"a", 4}, {"b", 4}}));
}

TEST(Schedule, HigherPriorityFirst) {
  EXPECT_EQ(Given({Work("low", -1), Work("high", 5, 90, 2)}, 4), (Shares{{"high", 4}}));
}

TEST(Schedule, AJobAtItsLimitGetsNothing) {
  ReadyWork limited = Work("a");
  limited.max_running = 3;
  limited.running = 1;
  EXPECT_EQ(Given({limited, Work("b", -5)}, 10), (Shares{{"a", 2}, {"b", 8}}));
  EXPECT_EQ(Given({limited}, 10), (Shares{{"a", 2}}));
  EXPECT_TRUE(ShareOut({limited}, 1)[0].limited);
}

TEST(Schedule, AnOverdueJobGetsOneTaskBeforeTheOthers) {
  ReadyWork low = Work("low", -10);
  low.waited = kOverdue;
  const auto allotments = ShareOut({Work("high", 10, 0, 2), low}, 5);
  ASSERT_EQ(allotments.size(), 2u);
  EXPECT_EQ(allotments[0].job_id, "low");
  EXPECT_EQ(allotments[0].most, 1);
  EXPECT_EQ(allotments[1].most, 4);
  low.max_running = low.running = 1;
  EXPECT_EQ(Given({low}, 5), Shares());
}

// Twice as much work of high priority as the workers can do, for hours: each of some low jobs
// starts a task within 15 minutes again and again.
TEST(Schedule, LowPriorityStartsWithinFifteenMinutesUnderTwiceTheLoad) {
  constexpr int kWorkers = 4, kTaskMinutes = 2, kLowJobs = 3;
  std::map<std::string, int> last_start;
  std::vector<std::pair<int, std::string>> held;  // until minute, job
  int longest = 0, low_starts = 0;
  for (int minute = 0; minute < 600; ++minute) {
    for (auto it = held.begin(); it != held.end();) {
      it = it->first <= minute ? held.erase(it) : it + 1;
    }
    std::map<std::string, int> running;
    for (const auto& [until, job] : held) ++running[job];
    // A high job has always ready tasks: twice what is done arrives.
    std::vector<ReadyWork> work = {Work("high", 100, running["high"], 1)};
    for (int i = 0; i < kLowJobs; ++i) {
      const std::string job = "low" + std::to_string(i);
      work.push_back(Work(job, -100, running[job], 2 + i));
      work.back().waited = absl::Minutes(minute - last_start[job]);
    }
    for (const auto& [job, count] : Given(work, kWorkers - static_cast<int>(held.size()))) {
      for (int i = 0; i < count; ++i) held.emplace_back(minute + kTaskMinutes, job);
      if (job == "high") continue;
      longest = std::max(longest, minute - last_start[job]);
      last_start[job] = minute;
      ++low_starts;
    }
  }
  EXPECT_LE(longest, 15);
  EXPECT_GE(low_starts, kLowJobs * 600 / 15);
}

}  // namespace
}  // namespace foundry::coordinator
