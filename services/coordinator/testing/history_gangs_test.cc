// Doctored histories of a gang: each fault must be found, and the sound history passed.
#include "gtest/gtest.h"
#include "services/coordinator/testing/history.h"

namespace foundry::coordinator {
namespace {

Call On(CallKind kind, int64_t epoch, const std::string& worker, int at,
        const std::string& manifest = "") {
  Call call{kind, "j", "distillation/train", epoch, worker};
  call.time = absl::Seconds(at);
  call.manifest = manifest;
  call.fewest_ranks = call.most_ranks = 2;
  return call;
}
Call Given(int64_t epoch, const std::string& worker, int rank, int at,
           const std::string& state = "") {
  Call call = On(rank == 0 ? CallKind::kLease : CallKind::kSeat, epoch, worker, at, state);
  call.first_rank = rank;
  call.ranks = 1;
  call.world_size = 2;
  return call;
}
Call Left(int64_t epoch, const std::string& worker, int at, v1::LeaveReason reason) {
  Call call = On(CallKind::kLeave, epoch, worker, at);
  call.leave = reason;
  return call;
}

// Worker b falls silent, the next generation goes on from the state that was stored.
class HistoryGangsTest : public ::testing::Test {
 protected:
  HistoryGangsTest() {
    history_.lease = absl::Seconds(30);
    history_.seat = absl::Seconds(10);
    history_.calls = {
        Given(1, "b", 1, 0),
        Given(1, "a", 0, 1),
        On(CallKind::kHeartbeat, 1, "a", 2),
        On(CallKind::kOpen, 1, "a", 3, "a:1"),
        On(CallKind::kSeatBeat, 1, "b", 4, "a:1"),
        On(CallKind::kKeep, 1, "a", 20, "state"),
        On(CallKind::kHeartbeat, 1, "a", 30),
        On(CallKind::kExpire, 0, "", 35),
        Given(2, "a", 0, 36, "state"),
        Given(2, "c", 1, 37, "state"),
        On(CallKind::kSeatBeat, 2, "c", 38),
        On(CallKind::kHeartbeat, 2, "a", 39),
        Left(2, "c", 40, v1::LEAVE_REASON_DONE),
        On(CallKind::kComplete, 2, "a", 41, "m"),
    };
  }
  // What is found with `call` in place of the call at `at`, or before it.
  std::string With(size_t at, Call call, bool instead = false) {
    History history = history_;
    const auto place = history.calls.begin() + static_cast<int64_t>(at);
    if (instead) {
      *place = std::move(call);
    } else {
      history.calls.insert(place, std::move(call));
    }
    return Describe(CheckHistory(history));
  }
  static void ExpectFound(const std::string& problem, const std::string& found) {
    EXPECT_EQ(found.substr(0, problem.size()), problem) << found;
  }

  History history_;
};

TEST_F(HistoryGangsTest, SoundHistoriesPass) {
  EXPECT_EQ(Describe(CheckHistory(history_)), "");
  Call late = On(CallKind::kSeatBeat, 1, "b", 38);
  late.accepted = false;
  EXPECT_EQ(With(10, late), "");
}

TEST_F(HistoryGangsTest, OneLeaderAndEachRankOnce) {
  ExpectFound("double: a second leader", With(3, Given(1, "c", 0, 3)));
  ExpectFound("double: a rank that another", With(3, Given(1, "c", 1, 3)));
  Call alone = On(CallKind::kLease, 2, "c", 5);
  ExpectFound("double: leased while", With(5, alone));
  Call few = Given(2, "a", 0, 36, "state");
  few.world_size = 1;
  ExpectFound("illegal: more or fewer ranks", With(8, few, true));
}

TEST_F(HistoryGangsTest, NothingOfAGenerationThatEnded) {
  const Call late[] = {On(CallKind::kSeatBeat, 1, "b", 38), Left(1, "b", 38, v1::LEAVE_REASON_LOST),
                       On(CallKind::kOpen, 1, "a", 38, "a:1"), On(CallKind::kKeep, 1, "a", 38, "x"),
                       On(CallKind::kComplete, 1, "a", 38, "x")};
  for (const Call& call : late) ExpectFound("stale", With(10, call));
  ExpectFound("stale: a seat of a generation", With(8, Given(1, "d", 1, 35, "state")));
  ExpectFound("stale: the generation had ended", With(13, On(CallKind::kSeatBeat, 2, "d", 40)));
  ExpectFound("stale: the lease had ended", With(13, Left(2, "c", 40, v1::LEAVE_REASON_RELEASED)));
}

TEST_F(HistoryGangsTest, TheLatestMeetingAndState) {
  ExpectFound("stale: told to meet", With(10, On(CallKind::kSeatBeat, 2, "c", 38, "a:1"), true));
  ExpectFound("stale: is to go on from", With(8, Given(2, "a", 0, 36, "older"), true));
}

TEST_F(HistoryGangsTest, WhatStandsIsNotRefused) {
  for (Call call : {On(CallKind::kSeatBeat, 1, "b", 5), On(CallKind::kKeep, 1, "a", 5, "x"),
                    On(CallKind::kOpen, 1, "a", 5, "x")}) {
    call.accepted = false;
    ExpectFound("refused", With(5, call));
  }
}

}  // namespace
}  // namespace foundry::coordinator
