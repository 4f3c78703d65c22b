// Conformance of the store: leases, fencing, retries, crashes.
#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreWorkersTest : public StoreFixture {};

TEST_F(StoreWorkersTest, LeaseCarriesTheWork) {
  const std::string job = Create("r1", Small());
  const GrantedLease grant = LeaseOne("worker-");
  EXPECT_EQ(grant.worker_id, "worker-0");
  EXPECT_EQ(grant.lease.job_id(), job);
  EXPECT_EQ(grant.lease.step(), "extraction");
  EXPECT_EQ(grant.lease.key(), "extract/0");
  EXPECT_EQ(grant.lease.epoch(), 1);
  EXPECT_EQ(grant.lease.attempt(), 1);
  EXPECT_EQ(grant.lease.lease_duration().seconds(), 30);
  EXPECT_EQ(grant.lease.request().extract().shard().count(), 2);
  EXPECT_EQ(JobState(job), v1::STATE_RUNNING);
  EXPECT_EQ(TaskOf(job, "extraction", "extract/0").worker_id(), "worker-0");
}

TEST_F(StoreWorkersTest, OnlyTheStagesAskedFor) {
  Create("r1", Small());
  const auto lease = [&](std::vector<std::string> stages) {
    return store().Lease({.stages = std::move(stages), .worker_ids = {"w"}}, Soon())->size();
  };
  EXPECT_EQ(lease({"trainer", "merger"}), 0u);
  EXPECT_EQ(lease({"trainer", "extraction"}), 1u);
}

TEST_F(StoreWorkersTest, GpuTasksNeedAGpu) {
  Create("r1", Spec("inputs: {teacher_pairs: p.json}\nsteps: [distillation]\nuse_gpu: true\n"),
         Facts());
  EXPECT_EQ(LeaseOne().lease.epoch(), 0);
  LeaseQuery query{.stages = EveryStage(), .has_gpu = true, .worker_ids = {"g"}};
  EXPECT_EQ(store().Lease(query, Soon())->size(), 1u);
}

TEST_F(StoreWorkersTest, ManyClaimantsOnTwoCoordinatorsGetEachTaskOnce) {
  Create("r1", Spec("sources: [{pdf: d}]\nsteps: [extraction]\nextraction: {shards: 200}\n"));
  auto other = NewStore();
  std::mutex mutex;
  std::vector<std::string> seen;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      Store& mine = i % 2 == 0 ? store() : *other;
      for (;;) {
        auto leases = mine.Lease(
            {.stages = {"extraction"},
             .worker_ids = {absl::StrCat("a", i), absl::StrCat("b", i), absl::StrCat("c", i)}},
            Soon());
        ASSERT_TRUE(leases.ok()) << leases.status();
        if (leases->empty()) return;
        std::lock_guard lock(mutex);
        for (const auto& grant : *leases) seen.push_back(grant.lease.key());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 200u);
}

TEST_F(StoreWorkersTest, CompletionIsRecordedOnce) {
  const std::string job = Create("r1", Small());
  const GrantedLease grant = LeaseOne();
  ASSERT_TRUE(Complete(grant).ok());
  auto repeated = Completion(grant);
  repeated.set_manifest(Sha256Hex("something else"));
  ASSERT_TRUE(store().Complete(repeated, Soon()).ok());
  // The first result stands.
  Sql("DO $$ BEGIN ASSERT (SELECT manifest FROM tasks WHERE key = 'extract/0') = '" +
      Sha256Hex("extract/0") + "'; END $$");
  int done = 0;
  for (const v1::Event& event : CheckedEvents(job)) {
    done += event.task_key() == "extract/0" && event.state() == v1::STATE_SUCCEEDED;
  }
  EXPECT_EQ(done, 1);
}

TEST_F(StoreWorkersTest, LastTwoCompletionsAtOncePlanTheNextTaskOnce) {
  for (int round = 0; round < 10; ++round) {
    const std::string job = Create(absl::StrCat("r", round), Small());
    auto leases = LeaseMany(2);
    ASSERT_EQ(leases.size(), 2u);
    // Each round's outputs are new, so that no earlier join serves.
    v1::CompleteTaskRequest requests[] = {Completion(leases[0]), Completion(leases[1])};
    for (auto& request : requests) request.set_manifest(Sha256Hex(request.task_id()));
    std::thread other([&] { EXPECT_TRUE(store().Complete(requests[0], Soon()).ok()); });
    EXPECT_TRUE(store().Complete(requests[1], Soon()).ok());
    other.join();
    const GrantedLease join = LeaseOne();
    EXPECT_EQ(join.lease.key(), "extract/join");
    EXPECT_EQ(LeaseOne().lease.epoch(), 0);
    EXPECT_TRUE(Complete(join).ok());
    CheckedEvents(job);
  }
}

TEST_F(StoreWorkersTest, StaleEpochIsRefusedEverywhere) {
  const std::string job = Create("r1", Small());
  const GrantedLease old = LeaseOne("old");
  ExpireAll();
  const GrantedLease fresh = LeaseOne("new");
  ASSERT_EQ(fresh.lease.task_id(), old.lease.task_id());
  EXPECT_EQ(fresh.lease.epoch(), old.lease.epoch() + 1);
  for (const absl::Status& status :
       {Beat(old).status(), Complete(old), Fail(old, false), Release(old)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(status), "STALE_LEASE");
  }
  EXPECT_EQ(TaskOf(job, "extraction", "extract/0").state(), v1::STATE_RUNNING);
  EXPECT_TRUE(Complete(fresh).ok());
}

TEST_F(StoreWorkersTest, AnotherWorkerCannotUseALease) {
  Create("r1", Small());
  GrantedLease grant = LeaseOne();
  grant.worker_id = "thief";
  EXPECT_EQ(ReasonOf(Beat(grant).status()), "STALE_LEASE");
  EXPECT_EQ(ReasonOf(Complete(grant)), "STALE_LEASE");
}

TEST_F(StoreWorkersTest, HeartbeatKeepsALease) {
  Create("r1", Small());
  const GrantedLease grant = LeaseOne();
  Sql("UPDATE heartbeats SET lease_until = clock_timestamp() - interval '1 second'");
  ASSERT_TRUE(Beat(grant).ok());
  EXPECT_EQ(*store().ExpireLeases(Soon()), 0);
  EXPECT_TRUE(Complete(grant).ok());
}

TEST_F(StoreWorkersTest, ProgressMetricsAndMessagesAreSeen) {
  const std::string job = Create("r1", Small());
  const GrantedLease grant = LeaseOne();
  v1::HeartbeatRequest beat;
  beat.set_worker_id(grant.worker_id);
  beat.set_task_id(grant.lease.task_id());
  beat.set_epoch(grant.lease.epoch());
  beat.mutable_progress()->set_done(1);
  beat.mutable_progress()->set_total(4);
  beat.mutable_progress()->set_unit("documents");
  const auto point = [&](int64_t step, double value) {
    auto* added = beat.add_metrics();
    added->set_name("loss");
    added->set_step(step);
    added->set_value(value);
  };
  point(1, 2.5);
  point(2, 1.5);
  point(2, 1.25);
  point(3, std::numeric_limits<double>::infinity());
  beat.add_messages("a \"quoted\" line");
  ASSERT_TRUE(store().Heartbeat(beat, Soon()).ok());
  // Without progress, what was told stays.
  ASSERT_TRUE(Beat(grant).ok());

  EXPECT_EQ(TaskOf(job, "extraction", "extract/0").progress().unit(), "documents");
  const v1::Step step = StepOf(Get(job), "extraction");
  EXPECT_NEAR(step.fraction(), 0.25 / 2.2, 1e-9);
  EXPECT_GT(step.eta_seconds(), 0);
  auto curves = store().Metrics(job, "", "loss", Soon());
  ASSERT_TRUE(curves.ok()) << curves.status();
  ASSERT_EQ(curves->size(), 1u);
  ASSERT_EQ((*curves)[0].points_size(), 3);
  EXPECT_EQ((*curves)[0].points(1).value(), 1.25);
  EXPECT_EQ(CheckedEvents(job).back().message(), "a \"quoted\" line");
}

TEST_F(StoreWorkersTest, RetryableFailuresUseTheBudgetThenFailTheJob) {
  const std::string job = Create("r1", Small());
  for (int attempt = 1; attempt <= 4; ++attempt) {
    const GrantedLease grant = LeaseOne();
    EXPECT_EQ(grant.lease.key(), "extract/0");
    EXPECT_EQ(grant.lease.attempt(), attempt);
    ASSERT_TRUE(Fail(grant, true, "flaky").ok());
    ASSERT_TRUE(Fail(grant, true, "flaky").ok()) << "repeating the call";
  }
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  EXPECT_THAT(Get(job).reason(), HasSubstr("extract/0: flaky (out of retries)"));
  EXPECT_EQ(TaskOf(job, "extraction", "extract/1").state(), v1::STATE_CANCELLED);
  EXPECT_EQ(StepOf(Get(job), "extraction").state(), v1::STATE_FAILED);

  ASSERT_TRUE(store().RetryJob(job, Soon()).ok());
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1", "extract/join"));
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  CheckedEvents(job);
}

TEST_F(StoreWorkersTest, FailedTaskWaitsBeforeItRunsAgain) {
  options_.first_backoff = absl::Hours(1);
  Create("r1", Spec("sources: [{pdf: d}]\nsteps: [extraction]\nextraction: {shards: 1}\n"));
  ASSERT_TRUE(Fail(LeaseOne(), true).ok());
  EXPECT_EQ(LeaseOne().lease.epoch(), 0);
  Sql("UPDATE tasks SET not_before = clock_timestamp()");
  EXPECT_EQ(LeaseOne().lease.attempt(), 2);
}

TEST_F(StoreWorkersTest, FatalFailureFailsAtOnceAndStopsTheOthers) {
  const std::string job = Create("r1", Small());
  auto leases = LeaseMany(2);
  ASSERT_TRUE(Fail(leases[0], false, "bad input").ok());
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  ASSERT_TRUE(Beat(leases[1]).ok());
  EXPECT_TRUE(*Beat(leases[1]));
  ASSERT_TRUE(Release(leases[1]).ok());
  EXPECT_EQ(TaskOf(job, "extraction", "extract/1").state(), v1::STATE_CANCELLED);
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
}

TEST_F(StoreWorkersTest, ReleaseCountsAsNothing) {
  const std::string job = Create("r1", Small());
  for (int i = 0; i < 20; ++i) {
    const GrantedLease grant = LeaseOne();
    ASSERT_EQ(grant.lease.key(), "extract/0");
    ASSERT_TRUE(Release(grant).ok());
    ASSERT_TRUE(Release(grant).ok()) << "repeating the call";
  }
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1", "extract/join"));
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
}

TEST_F(StoreWorkersTest, ThreeCrashesSetATaskAside) {
  const std::string job = Create("r1", Small());
  for (int i = 0; i < 3; ++i) {
    const GrantedLease grant = LeaseOne();
    ASSERT_EQ(grant.lease.key(), "extract/0");
    ASSERT_TRUE(Beat(grant).ok());
    ExpireAll();
  }
  EXPECT_EQ(TaskOf(job, "extraction", "extract/0").state(), v1::STATE_QUARANTINED);
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  EXPECT_THAT(Get(job).reason(), HasSubstr("3 workers fell silent"));
  ASSERT_TRUE(store().RetryJob(job, Soon()).ok());
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1", "extract/join"));
}

TEST_F(StoreWorkersTest, LostAnswersAreNotCrashes) {
  const std::string job = Create("r1", Small());
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(LeaseOne().lease.key(), "extract/0");
    ExpireAll();
  }
  EXPECT_EQ(JobState(job), v1::STATE_RUNNING);
  for (int i = 0; i < 5; ++i) {
    LeaseOne();
    ExpireAll();
  }
  EXPECT_EQ(TaskOf(job, "extraction", "extract/0").state(), v1::STATE_QUARANTINED);
}

TEST_F(StoreWorkersTest, ClaimsWaitForNobody) {
  const std::string job = Create("r1", Small());
  // A transaction that holds the job's row and one task's.
  const auto connection = Connect(info_);
  pqxx::work holder(*connection);
  holder.exec("SELECT FROM jobs FOR UPDATE");
  holder.exec("SELECT FROM tasks WHERE key = 'extract/0' FOR UPDATE");
  // The start cannot be recorded meanwhile; the lease is given all the same.
  auto leases = store().Lease({.stages = {"extraction"}, .worker_ids = {"w"}},
                              absl::Now() + absl::Milliseconds(700));
  ASSERT_TRUE(leases.ok()) << leases.status();
  ASSERT_EQ(leases->size(), 1u);
  EXPECT_EQ((*leases)[0].lease.key(), "extract/1");
  holder.abort();
  EXPECT_TRUE(Complete((*leases)[0]).ok());
  EXPECT_EQ(StepOf(Get(job), "extraction").state(), v1::STATE_RUNNING);
}

TEST_F(StoreWorkersTest, UnknownTaskIsNotFound) {
  GrantedLease grant;
  grant.lease.set_task_id("nope");
  EXPECT_EQ(Complete(grant).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(Beat(grant).status()), "STALE_LEASE");
}

}  // namespace
}  // namespace foundry::coordinator
