// What every store must do with gangs: who gathers for what, how generations begin and end.
#include "gmock/gmock.h"
#include "services/coordinator/testing/conformance_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kTwo[] = "devices: 2, min_devices: 2";
constexpr char kTask[] = "train";

class GangConformanceTest : public ConformanceTest {
 protected:
  GangConformanceTest() {
    options_.gangs = {.patience = absl::Minutes(10),
                      .hold = absl::Minutes(30),
                      .pause = absl::Minutes(20),
                      .seat = absl::Minutes(40)};
  }

  // A job of one training.
  std::string Training(const std::string& name, const std::string& distillation,
                       const std::string& more = "") {
    return Create(name, TrainingSpec(distillation, more), {.pairs_need_targets = false});
  }
  void ExpectSoundTraining(const std::string& job) {
    ExpectSound(job, {.pairs_need_targets = false});
  }
  static LeaseQuery Query(const std::vector<std::string>& workers, int devices = 1) {
    LeaseQuery query{.stages = {"trainer"}, .worker_ids = workers, .devices = devices};
    for (const std::string& worker : workers) query.rank_addresses.push_back("host-" + worker);
    return query;
  }
  Gathered Gather(const std::vector<std::string>& workers, int devices = 1,
                  Store::GangTurn turn = Store::GangTurn::kInOrder) {
    auto gathered = store().Gather(Query(workers, devices), turn);
    EXPECT_TRUE(gathered.ok()) << gathered.status();
    return gathered.value_or(Gathered());
  }
  std::vector<GrantedLease> Claim(const std::string& worker, int devices) {
    return *store().Lease(Query({worker}, devices));
  }
  // The seats of a generation of two workers with a device each; the leader's is the first. Both
  // are heard from.
  std::vector<GrantedLease> GangOfTwo(const std::string& a = "a", const std::string& b = "b") {
    EXPECT_THAT(Gather({a}).granted, IsEmpty());
    std::vector<GrantedLease> seats = Gather({a, b}).granted;
    EXPECT_EQ(seats.size(), 2u);
    seats.resize(2);
    if (seats[0].lease.seat().first_rank() != 0) std::swap(seats[0], seats[1]);
    EXPECT_TRUE(BeatSeat(seats[1]).ok());
    EXPECT_TRUE(Beat(seats[0]).ok());
    return seats;
  }
  absl::StatusOr<v1::HeartbeatSeatResponse> BeatSeat(const GrantedLease& grant) {
    return store().HeartbeatSeat(KeyOf(grant));
  }
  absl::Status BeatWithProgress(const GrantedLease& grant, double done) {
    auto request = RequestFor<v1::HeartbeatRequest>(grant);
    request.mutable_progress()->set_done(done);
    return store().Heartbeat(request).status();
  }
  absl::Status Leave(const GrantedLease& grant, v1::LeaveReason reason) {
    auto request = RequestFor<v1::LeaveSeatRequest>(grant);
    request.set_reason(reason);
    request.set_message("rank 1 of 2 killed");
    return store().LeaveSeat(request);
  }
  absl::Status Open(const GrantedLease& grant) {
    auto request = RequestFor<v1::OpenMeetingRequest>(grant);
    request.set_rendezvous("host-a:7");
    request.set_inputs(Sha256Hex("inputs"));
    return store().OpenMeeting(request);
  }
  absl::Status Keep(const GrantedLease& grant, const std::string& state) {
    return store().RegisterCheckpoint(KeyOf(grant), Sha256Hex(state));
  }
  // Nothing is left of a generation: no worker may write for it.
  void ExpectOver(const std::vector<GrantedLease>& seats) {
    ExpectStale(Beat(seats[0]).status());
    ExpectStale(Open(seats[0]));
    ExpectStale(Complete(seats[0]));
    ExpectStale(Keep(seats[0], "late"));
    for (size_t i = 1; i < seats.size(); ++i) {
      ExpectStale(BeatSeat(seats[i]).status());
      ExpectStale(Leave(seats[i], v1::LEAVE_REASON_LOST));
    }
  }
  // All but the leader fall silent.
  void LoseOthers(const GrantedLease& leader) {
    Pass(kLease * 0.7);
    ASSERT_TRUE(Beat(leader).ok());
    Pass(kLease * 0.7);
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, GangConformanceTest, kEveryStore, NameOfStore);

// ---- Gathering.

TEST_P(GangConformanceTest, WorkersThatAreTooSmallGatherAndOneThatIsNotClaims) {
  const std::string job = Training("t", kTwo);
  EXPECT_THAT(Claim("a", 1), IsEmpty());
  const Gathered first = Gather({"a"});
  EXPECT_THAT(first.granted, IsEmpty());
  EXPECT_THAT(first.seated, ElementsAre("a"));
  // The last one comes to another coordinator.
  const auto last = world().store(1).Gather(Query({"b"}), Store::GangTurn::kInOrder);
  ASSERT_EQ(last->granted.size(), 1u);
  const v1::Lease& member = last->granted[0].lease;
  EXPECT_EQ(member.seat().first_rank(), 1);
  EXPECT_EQ(member.seat().ranks(), 1);
  EXPECT_EQ(member.seat().world_size(), 2);
  EXPECT_EQ(JobState(job), v1::STATE_READY) << "the start is told with the leader's";
  const Gathered leader = Gather({"a"});
  ASSERT_EQ(leader.granted.size(), 1u);
  EXPECT_EQ(leader.granted[0].lease.epoch(), member.epoch());
  EXPECT_EQ(leader.granted[0].lease.seat().first_rank(), 0);
  EXPECT_TRUE(leader.granted[0].lease.request().has_train());
  EXPECT_THAT(Gather({"a", "b"}).granted, IsEmpty()) << "a seat is handed out once";
  EXPECT_EQ(JobState(job), v1::STATE_RUNNING);
  EXPECT_TRUE(Complete(leader.granted[0]).ok());
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  ExpectSoundTraining(job);

  for (int devices : {2, 0}) {
    Training(absl::StrCat("large", devices), kTwo);
    EXPECT_THAT(Gather({"c"}, devices).seated, IsEmpty());
    const auto claimed = Claim("c", devices);
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_FALSE(claimed[0].lease.has_seat());
  }
}

TEST_P(GangConformanceTest, FewerRanksAfterAWaitWhereTheSpecAllowsIt) {
  Training("t", "devices: 3, min_devices: 2");
  EXPECT_THAT(Gather({"a", "b"}).seated, ElementsAre("a", "b"));
  Pass(absl::Minutes(11));
  const auto seats = Gather({"a", "b"}).granted;
  ASSERT_EQ(seats.size(), 2u);
  for (const GrantedLease& seat : seats) EXPECT_EQ(seat.lease.seat().world_size(), 2);
}

TEST_P(GangConformanceTest, SeatsOfWorkersThatAskNoMoreAreNotCounted) {
  Training("t", kTwo);
  EXPECT_THAT(Gather({"a"}).seated, ElementsAre("a"));
  Pass(absl::Minutes(41));
  EXPECT_THAT(Gather({"b"}).granted, IsEmpty());
  EXPECT_EQ(Gather({"c"}).granted.size(), 1u);
}

TEST_P(GangConformanceTest, OneGangGathersAfterTheOther) {
  const std::string first = Training("first", kTwo), second = Training("second", kTwo);
  EXPECT_EQ(GangOfTwo("a", "b")[0].lease.job_id(), first);
  EXPECT_EQ(GangOfTwo("c", "d")[0].lease.job_id(), second);
  // Whatever they waited for before, everybody goes where the turn is.
  Training("low", kTwo, "priority: -1\n");
  EXPECT_THAT(Gather({"e"}).seated, ElementsAre("e"));
  const std::string high = Training("high", kTwo, "priority: 1\n");
  EXPECT_THAT(Gather({"f"}).granted, IsEmpty());
  const auto seats = Gather({"e"}).granted;
  ASSERT_EQ(seats.size(), 1u);
  EXPECT_EQ(seats[0].lease.job_id(), high);
}

TEST_P(GangConformanceTest, AGangThatCannotFillLetsOthersGather) {
  const std::string large = Training("large", "devices: 8, min_devices: 8");
  const std::string second = Training("second", kTwo);
  EXPECT_THAT(Gather({"a", "b"}).granted, IsEmpty()) << "the large one is older";
  Pass(absl::Minutes(31));
  EXPECT_THAT(Gather({"a", "b"}).granted, IsEmpty()) << "its pause begins";
  const auto seats = Gather({"a", "b"}).granted;
  ASSERT_EQ(seats.size(), 2u);
  EXPECT_EQ(seats[0].lease.job_id(), second);
  EXPECT_EQ(JobState(large), v1::STATE_READY);
  Pass(absl::Minutes(21));
  Training("third", kTwo);
  EXPECT_THAT(Gather({"c", "d"}).granted, IsEmpty()) << "its pause is over";
}

TEST_P(GangConformanceTest, WhatAWorkerCanRunAloneKeepsItsTurn) {
  const std::string small = Training("small", "devices: 1");
  Training("large", kTwo);
  EXPECT_THAT(Gather({"a"}).seated, IsEmpty()) << "the small one is older";
  EXPECT_THAT(Gather({"b"}, 1, Store::GangTurn::kNow).seated, ElementsAre("b"));
  ASSERT_EQ(Claim("a", 1).at(0).lease.job_id(), small);
  const std::string later = Training("later", "devices: 1");
  EXPECT_THAT(Gather({"b"}).seated, ElementsAre("b")) << "the gang is older than the later one";
  // It does not hold its workers for ever.
  Pass(absl::Minutes(31));
  EXPECT_THAT(Gather({"b"}).seated, ElementsAre("b")) << "the last time";
  EXPECT_THAT(Gather({"b"}).seated, IsEmpty());
  ASSERT_EQ(Claim("b", 1).at(0).lease.job_id(), later);
  EXPECT_THAT(Gather({"c"}, 1, Store::GangTurn::kNow).granted, IsEmpty())
      << "who has other work holds no seat";
  EXPECT_EQ(Gather({"d"}, 1, Store::GangTurn::kNow).granted.size(), 1u);
}

// ---- Under way.

TEST_P(GangConformanceTest, TheMeetingReachesTheOthersOfTheGenerationAlone) {
  Training("t", kTwo);
  const auto seats = GangOfTwo();
  EXPECT_EQ(BeatSeat(seats[1])->rendezvous(), "");
  ExpectStale(Open(seats[1]));  // only who leads opens it
  ASSERT_TRUE(Open(seats[0]).ok());
  EXPECT_EQ(BeatSeat(seats[1])->rendezvous(), "host-a:7");
  EXPECT_EQ(BeatSeat(seats[1])->inputs(), Sha256Hex("inputs"));
  ASSERT_TRUE(Release(seats[0]).ok());
  const auto next = GangOfTwo();
  EXPECT_EQ(BeatSeat(next[1])->rendezvous(), "") << "of the generation before";
  ExpectOver(seats);
}

TEST_P(GangConformanceTest, AStateIsHandedToTheNextWorker) {
  Training("t", kTwo);
  const auto seats = GangOfTwo();
  EXPECT_EQ(seats[0].lease.checkpoint(), "");
  ASSERT_TRUE(Keep(seats[0], "one").ok());
  ASSERT_TRUE(Keep(seats[0], "two").ok());
  ExpectStale(Keep(seats[1], "of another rank"));
  ASSERT_TRUE(Release(seats[0]).ok());
  const auto next = Claim("large", 2);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].lease.checkpoint(), Sha256Hex("two"));
  EXPECT_TRUE(Complete(next[0]).ok());
}

TEST_P(GangConformanceTest, AWorkerThatIsDoneIsNotMissed) {
  const std::string job = Training("t", kTwo);
  const auto seats = GangOfTwo();
  ASSERT_TRUE(Leave(seats[1], v1::LEAVE_REASON_DONE).ok());
  LoseOthers(seats[0]);
  ASSERT_TRUE(Beat(seats[0]).ok());
  ASSERT_TRUE(Complete(seats[0]).ok());
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  EXPECT_TRUE(Complete(seats[0]).ok()) << "repeating it answers the same";
  ExpectSoundTraining(job);
}

// ---- Ends of a generation.

TEST_P(GangConformanceTest, ALostWorkerEndsTheGenerationAndTheNextOneIsWhole) {
  const std::string job = Training("t", kTwo);
  const auto seats = GangOfTwo();
  LoseOthers(seats[0]);
  ExpectOver(seats);
  EXPECT_THAT(TaskOf(job, kTask).reason(),
              HasSubstr("worker b of the gang fell silent (1 of 3 times)"));
  EXPECT_THAT(Gather({"a"}).granted, IsEmpty()) << "all ranks or none";
  const auto next = Gather({"c"}).granted;
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].lease.epoch(), seats[0].lease.epoch() + 1);
  EXPECT_EQ(next[0].lease.seat().first_rank(), 1) << "the leader stays where the state is";
  ExpectOver(seats);
  ExpectSoundTraining(job);
}

TEST_P(GangConformanceTest, ALostLeaderEndsTheGeneration) {
  Training("t", kTwo);
  const auto seats = GangOfTwo();
  Pass(kLease * 0.7);
  ASSERT_TRUE(BeatSeat(seats[1]).ok());
  Pass(kLease * 0.7);
  ExpectOver(seats);
  EXPECT_EQ(GangOfTwo("b", "c")[0].lease.epoch(), seats[0].lease.epoch() + 1);
}

TEST_P(GangConformanceTest, ASeatThatNobodyComesForEndsTheGeneration) {
  const std::string job = Training("t", kTwo);
  Gather({"a"});
  const auto seats = Gather({"b"}).granted;
  ASSERT_EQ(seats.size(), 1u);
  ASSERT_TRUE(BeatSeat(seats[0]).ok());
  Pass(absl::Minutes(41));  // the leader does not ask any more
  ExpectStale(BeatSeat(seats[0]).status());
  EXPECT_THAT(Gather({"a"}).granted, IsEmpty()) << "its seat is of the generation that ended";
  EXPECT_EQ(TaskOf(job, kTask).state(), v1::STATE_READY);
  ExpectSoundTraining(job);
}

TEST_P(GangConformanceTest, WorkersThatFallSilentAgainAndAgainSetTheTaskAside) {
  const std::string job = Training("t", kTwo);
  for (int i = 0; i < 3; ++i) LoseOthers(GangOfTwo()[0]);
  EXPECT_EQ(TaskOf(job, kTask).state(), v1::STATE_QUARANTINED);
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  ExpectSoundTraining(job);
}

TEST_P(GangConformanceTest, LossesCountOnlyWithoutAStepBetween) {
  const std::string job = Training("t", kTwo);
  int64_t step = 0;
  const auto lose = [&](int64_t steps, int how) {
    const auto seats = GangOfTwo();
    step += steps;
    ASSERT_TRUE(BeatWithProgress(seats[0], static_cast<double>(step)).ok());
    if (how == 0) {
      EXPECT_TRUE(Leave(seats[1], v1::LEAVE_REASON_LOST).ok());
    } else if (how == 1) {
      EXPECT_TRUE(Fail(seats[0], true).ok());
    } else {
      LoseOthers(seats[0]);
    }
    ExpectOver(seats);
  };
  for (int i = 0; i < 12; ++i) lose(5, i % 3);
  EXPECT_EQ(TaskOf(job, kTask).state(), v1::STATE_READY);
  for (int i = 0; i < 3; ++i) lose(0, i % 2);
  EXPECT_EQ(TaskOf(job, kTask).state(), v1::STATE_FAILED);
  EXPECT_THAT(Get(job).reason(), HasSubstr("out of retries"));
  ExpectSoundTraining(job);
}

TEST_P(GangConformanceTest, ASeatGivenBackCountsAsNoAttempt) {
  const std::string job = Training("t", kTwo);
  for (int i = 0; i < 12; ++i) {
    const auto seats = GangOfTwo();
    ASSERT_TRUE(Leave(seats[1], v1::LEAVE_REASON_RELEASED).ok());
    ExpectOver(seats);
  }
  EXPECT_EQ(TaskOf(job, kTask).state(), v1::STATE_READY);
  EXPECT_EQ(GangOfTwo()[0].lease.attempt(), 13);
}

TEST_P(GangConformanceTest, CancellationReachesEverybody) {
  const std::string job = Training("t", kTwo);
  const auto seats = GangOfTwo();
  ASSERT_TRUE(store().CancelJob(job, "enough").ok());
  EXPECT_TRUE(BeatSeat(seats[1])->cancel());
  EXPECT_TRUE(*Beat(seats[0]));
  EXPECT_TRUE(Leave(seats[1], v1::LEAVE_REASON_RELEASED).ok());
  ExpectStale(BeatSeat(seats[1]).status());
  EXPECT_EQ(JobState(job), v1::STATE_CANCELLING) << "the leader ends it";
  EXPECT_TRUE(Release(seats[0]).ok());
  EXPECT_EQ(JobState(job), v1::STATE_CANCELLED);
  ExpectSoundTraining(job);
}

TEST_P(GangConformanceTest, ACancelledGatheringAndALeaderThatNeverCame) {
  const std::string gathers = Training("gathers", kTwo);
  Gather({"a"});
  ASSERT_TRUE(store().CancelJob(gathers, "enough").ok());
  EXPECT_EQ(JobState(gathers), v1::STATE_CANCELLED);
  EXPECT_THAT(Gather({"b"}).seated, IsEmpty());
  const std::string formed = Training("formed", kTwo);
  Gather({"a"});
  ASSERT_EQ(Gather({"b"}).granted.size(), 1u);
  ASSERT_TRUE(store().CancelJob(formed, "enough").ok());
  EXPECT_EQ(JobState(formed), v1::STATE_CANCELLING);
  EXPECT_THAT(Gather({"a"}).granted, IsEmpty());
  Pass(absl::Minutes(41));
  EXPECT_EQ(JobState(formed), v1::STATE_CANCELLED);
  ExpectSoundTraining(formed);
}

TEST_P(GangConformanceTest, RetryWhileCancellingFencesEveryRank) {
  const std::string job = Training("t", kTwo);
  const auto seats = GangOfTwo();
  ASSERT_TRUE(store().CancelJob(job, "").ok());
  ASSERT_TRUE(store().RetryJob(job).ok());
  ExpectOver(seats);
  const auto next = GangOfTwo();
  EXPECT_GT(next[0].lease.epoch(), seats[0].lease.epoch());
  ASSERT_TRUE(Complete(next[0]).ok());
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  ExpectSoundTraining(job);
}

}  // namespace
}  // namespace foundry::coordinator
