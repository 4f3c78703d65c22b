// Gangs on a real PostgreSQL: who gathers for what, how generations begin and end.
#include "gmock/gmock.h"
#include "services/coordinator/gang_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kTwo[] = "devices: 2, min_devices: 2";

using StoreGangsTest = GangFixture;

TEST_F(StoreGangsTest, WorkersThatAreTooSmallGatherAndOneThatIsNotClaims) {
  const std::string job = Training("t", kTwo);
  EXPECT_THAT(*store().Claim(Query({"a"}), Soon()), IsEmpty());
  const Gathered first = Gather({"a"});
  EXPECT_THAT(first.granted, IsEmpty());
  EXPECT_THAT(first.seated, ElementsAre("a"));
  // The last one comes to another coordinator.
  const auto other = NewStore();
  const auto last = other->Gather(Query({"b"}), Store::GangTurn::kInOrder, Soon());
  ASSERT_EQ(last->granted.size(), 1u);
  const v1::Lease& member = last->granted[0].lease;
  EXPECT_EQ(member.seat().first_rank(), 1);
  EXPECT_EQ(member.seat().ranks(), 1);
  EXPECT_EQ(member.seat().world_size(), 2);
  const Gathered leader = Gather({"a"});
  ASSERT_EQ(leader.granted.size(), 1u);
  EXPECT_EQ(leader.granted[0].lease.epoch(), member.epoch());
  EXPECT_EQ(leader.granted[0].lease.seat().first_rank(), 0);
  EXPECT_TRUE(leader.granted[0].lease.request().has_train());
  EXPECT_THAT(Gather({"a", "b"}).granted, IsEmpty()) << "a seat is handed out once";
  EXPECT_EQ(JobState(job), v1::STATE_READY) << "the start is told later";
  EXPECT_TRUE(Complete(leader.granted[0]).ok());
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  CheckedEvents(job);

  for (int devices : {2, 0}) {
    Training(absl::StrCat("large", devices), kTwo);
    EXPECT_THAT(Gather({"c"}, devices).seated, IsEmpty());
    const auto claimed = store().Claim(Query({"c"}, devices), Soon());
    ASSERT_EQ(claimed->size(), 1u);
    EXPECT_FALSE(claimed->at(0).lease.has_seat());
  }
}

TEST_F(StoreGangsTest, TheMeetingReachesTheOthersOfTheGenerationAlone) {
  Training("t", kTwo);
  const auto seats = GangOfTwo();
  EXPECT_EQ(BeatSeat(seats[1])->rendezvous(), "");
  EXPECT_EQ(ReasonOf(Open(seats[1])), "STALE_LEASE") << "only who leads opens it";
  ASSERT_TRUE(Open(seats[0]).ok());
  EXPECT_EQ(BeatSeat(seats[1])->rendezvous(), "host-a:7");
  EXPECT_EQ(BeatSeat(seats[1])->inputs(), Sha256Hex("inputs"));
  EXPECT_THAT(*store().CommittedManifests(Soon()), Contains(Sha256Hex("inputs")));
  ASSERT_TRUE(Release(seats[0]).ok());
  const auto next = GangOfTwo();
  EXPECT_EQ(BeatSeat(next[1])->rendezvous(), "") << "of the generation before";
  ExpectOver(seats);
}

TEST_F(StoreGangsTest, ALostWorkerEndsTheGenerationAndTheNextOneIsWhole) {
  const std::string job = Training("t", kTwo);
  const auto seats = GangOfTwo();
  ExpireSeats();
  ExpectOver(seats);
  EXPECT_THAT(TaskOf(job, "distillation", "train").reason(),
              HasSubstr("worker b of the gang fell silent (1 of 3 times)"));
  EXPECT_THAT(Gather({"a"}).granted, IsEmpty()) << "all ranks or none";
  const auto next = Gather({"c"}).granted;
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].lease.epoch(), seats[0].lease.epoch() + 1);
  EXPECT_EQ(next[0].lease.seat().first_rank(), 1) << "the leader stays where the state is";
  ExpectOver(seats);
  CheckedEvents(job);
}

TEST_F(StoreGangsTest, ALostLeaderEndsTheGeneration) {
  Training("t", kTwo);
  const auto seats = GangOfTwo();
  ExpireAll();
  ExpectOver(seats);
  EXPECT_EQ(GangOfTwo("b", "c")[0].lease.epoch(), seats[0].lease.epoch() + 1);
}

TEST_F(StoreGangsTest, WorkersThatFallSilentAgainAndAgainSetTheTaskAside) {
  const std::string job = Training("t", kTwo);
  for (int i = 0; i < 3; ++i) {
    GangOfTwo();
    ExpireSeats();
  }
  EXPECT_EQ(TaskOf(job, "distillation", "train").state(), v1::STATE_QUARANTINED);
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  CheckedEvents(job);
}

TEST_F(StoreGangsTest, LossesCountOnlyWithoutAStepBetween) {
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
      ExpireSeats();
    }
    ExpectOver(seats);
  };
  for (int i = 0; i < 12; ++i) lose(5, i % 3);
  EXPECT_EQ(TaskOf(job, "distillation", "train").state(), v1::STATE_READY);
  for (int i = 0; i < 3; ++i) lose(0, i % 2);
  EXPECT_EQ(TaskOf(job, "distillation", "train").state(), v1::STATE_FAILED);
  EXPECT_THAT(Get(job).reason(), HasSubstr("out of retries"));
  CheckedEvents(job);
}

TEST_F(StoreGangsTest, ASeatGivenBackCountsAsNoAttempt) {
  const std::string job = Training("t", kTwo);
  for (int i = 0; i < 5; ++i) {
    const auto seats = GangOfTwo();
    ASSERT_TRUE(Leave(seats[1], v1::LEAVE_REASON_RELEASED).ok());
    ExpectOver(seats);
  }
  Sql("DO $$ BEGIN ASSERT (SELECT failures + crashes + lost FROM tasks) = 0; END $$");
  EXPECT_EQ(TaskOf(job, "distillation", "train").state(), v1::STATE_READY);
}

TEST_F(StoreGangsTest, AWorkerThatIsDoneIsNotMissed) {
  const std::string job = Training("t", kTwo);
  const auto seats = GangOfTwo();
  ASSERT_TRUE(Leave(seats[1], v1::LEAVE_REASON_DONE).ok());
  ExpireSeats();
  ASSERT_TRUE(Beat(seats[0]).ok());
  ASSERT_TRUE(Complete(seats[0]).ok());
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  EXPECT_TRUE(Complete(seats[0]).ok()) << "repeating it answers the same";
}

TEST_F(StoreGangsTest, CancellationReachesEverybody) {
  const std::string job = Training("t", kTwo);
  const auto seats = GangOfTwo();
  ASSERT_TRUE(store().CancelJob(job, "enough", Soon()).ok());
  EXPECT_TRUE(BeatSeat(seats[1])->cancel());
  EXPECT_TRUE(*Beat(seats[0]));
  EXPECT_TRUE(Leave(seats[1], v1::LEAVE_REASON_RELEASED).ok());
  EXPECT_EQ(JobState(job), v1::STATE_CANCELLING) << "the leader ends it";
  EXPECT_TRUE(Release(seats[0]).ok());
  EXPECT_EQ(JobState(job), v1::STATE_CANCELLED);
  CheckedEvents(job);
}

TEST_F(StoreGangsTest, FewerRanksAfterAWaitWhereTheSpecAllowsIt) {
  options_.gangs.patience = absl::Minutes(5);
  const std::string job = Training("t", "devices: 3, min_devices: 2");
  EXPECT_THAT(Gather({"a", "b"}).seated, ElementsAre("a", "b"));
  Sql("UPDATE gangs SET gathering_since = gathering_since - interval '5 min'");
  const auto seats = Gather({"a", "b"}).granted;
  ASSERT_EQ(seats.size(), 2u);
  for (const GrantedLease& seat : seats) EXPECT_EQ(seat.lease.seat().world_size(), 2);
}

TEST_F(StoreGangsTest, SeatsOfWorkersThatAskNoMoreAreNotCounted) {
  Training("t", kTwo);
  EXPECT_THAT(Gather({"a"}).seated, ElementsAre("a"));
  Sql("UPDATE seats SET lease_until = clock_timestamp() - interval '1 s'");
  EXPECT_THAT(Gather({"b"}).granted, IsEmpty());
  EXPECT_EQ(Gather({"c"}).granted.size(), 1u);
}

TEST_F(StoreGangsTest, OneGangGathersAfterTheOther) {
  const std::string first = Training("first", kTwo), second = Training("second", kTwo);
  EXPECT_EQ(GangOfTwo("a", "b")[0].lease.job_id(), first);
  EXPECT_EQ(GangOfTwo("c", "d")[0].lease.job_id(), second);
  // Whatever they waited for before, everybody goes where the turn is.
  const std::string low = Training("low", kTwo, "priority: -1\n");
  EXPECT_THAT(Gather({"e"}).seated, ElementsAre("e"));
  const std::string high = Training("high", kTwo, "priority: 1\n");
  EXPECT_THAT(Gather({"f"}).granted, IsEmpty());
  const auto seats = Gather({"e"}).granted;
  ASSERT_EQ(seats.size(), 1u);
  EXPECT_EQ(seats[0].lease.job_id(), high);
}

TEST_F(StoreGangsTest, WhatAWorkerCanRunAloneKeepsItsTurn) {
  const std::string small = Training("small", "devices: 1");
  Training("large", kTwo);
  EXPECT_THAT(Gather({"a"}).seated, IsEmpty()) << "the small one is older";
  EXPECT_THAT(Gather({"b"}, 1, Store::GangTurn::kNow).seated, ElementsAre("b"));
  EXPECT_EQ(store().Claim(Query({"a"}), Soon())->at(0).lease.job_id(), small);
  const std::string later = Training("later", "devices: 1");
  EXPECT_THAT(Gather({"b"}).seated, ElementsAre("b")) << "the gang is older than the later one";
  // It does not hold its workers for ever.
  Sql("UPDATE gangs SET gathering_since = gathering_since - interval '1 h', "
      "hold_after = hold_after - interval '1 h'");
  EXPECT_THAT(Gather({"b"}).seated, ElementsAre("b")) << "the last time";
  EXPECT_THAT(Gather({"b"}).seated, IsEmpty());
  EXPECT_EQ(store().Claim(Query({"b"}), Soon())->at(0).lease.job_id(), later);
  EXPECT_THAT(Gather({"c"}, 1, Store::GangTurn::kNow).granted, IsEmpty())
      << "who has other work holds no seat";
  EXPECT_EQ(Gather({"d"}, 1, Store::GangTurn::kNow).granted.size(), 1u);
}

TEST_F(StoreGangsTest, TheJobsLimitHoldsForGangsToo) {
  const std::string job = Training("t", kTwo, "max_running_tasks: 1\n");
  const auto seats = GangOfTwo();
  Sql("INSERT INTO tasks (task_id, job_id, step, key, stage, needs_gpu, weight, state, request, "
      "fingerprint, ranks, min_ranks) SELECT 'x', job_id, step, 'x', stage, false, 1, 2, request, "
      "'', 2, 2 FROM tasks");
  EXPECT_THAT(Gather({"c", "d"}).granted, IsEmpty());
  ASSERT_TRUE(Complete(seats[0]).ok());
  EXPECT_EQ(Gather({"c", "d"}).granted.size(), 2u);
}

TEST_F(StoreGangsTest, AStateIsHandedToTheNextWorker) {
  const std::string job = Training("t", kTwo);
  const auto seats = GangOfTwo();
  EXPECT_EQ(seats[0].lease.checkpoint(), "");
  ASSERT_TRUE(store().RegisterCheckpoint(KeyOf(seats[0]), Sha256Hex("one"), Soon()).ok());
  ASSERT_TRUE(store().RegisterCheckpoint(KeyOf(seats[0]), Sha256Hex("two"), Soon()).ok());
  EXPECT_EQ(ReasonOf(store().RegisterCheckpoint(KeyOf(seats[1]), Sha256Hex("b"), Soon())),
            "STALE_LEASE");
  EXPECT_THAT(*store().CommittedManifests(Soon()), ElementsAre(Sha256Hex("two")));
  ASSERT_TRUE(Release(seats[0]).ok());
  const auto next = store().Claim(Query({"large"}, 2), Soon());
  ASSERT_EQ(next->size(), 1u);
  EXPECT_EQ(next->at(0).lease.checkpoint(), Sha256Hex("two"));
  ASSERT_TRUE(Complete(next->at(0)).ok());
  ASSERT_TRUE(store().ForgetWorkers(absl::Hours(1), Soon()).ok());
  EXPECT_THAT(*store().CommittedManifests(Soon()), ElementsAre(Sha256Hex("train")));
}

TEST_F(StoreGangsTest, ATaskThatNobodyCanRunSaysHowManyDevicesAreMissing) {
  const std::string job = Training("t", "devices: 4, min_devices: 4");
  ASSERT_TRUE(store()
                  .SawWorkers({{"a", {"trainer"}, false, 1}, {"b", {"trainer"}, false, 1}}, Soon())
                  .ok());
  EXPECT_EQ(TaskOf(job, "distillation", "train").reason(),
            "needs 4 devices, workers of stage trainer offer 2");
  Sql("UPDATE tasks SET min_ranks = 2");
  Gather({"a"});
  EXPECT_EQ(TaskOf(job, "distillation", "train").reason(), "gathers 4 devices, has 1");
  Sql("DELETE FROM seats");
  ASSERT_TRUE(store().SawWorkers({{"c", {"trainer"}, false, 0}}, Soon()).ok());
  EXPECT_EQ(TaskOf(job, "distillation", "train").reason(), "next for a worker of stage trainer");
}

}  // namespace
}  // namespace foundry::coordinator
