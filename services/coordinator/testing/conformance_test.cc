// What every store must do, whoever implements it.
#include "gmock/gmock.h"
#include "services/coordinator/testing/conformance_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

INSTANTIATE_TEST_SUITE_P(Stores, ConformanceTest, kEveryStore, NameOfStore);

// ---- Leases.

TEST_P(ConformanceTest, LeaseCarriesTheWork) {
  const std::string job = Create("r1");
  const GrantedLease grant = LeaseOne();
  EXPECT_EQ(grant.worker_id, "w1");
  EXPECT_EQ(grant.lease.job_id(), job);
  EXPECT_EQ(grant.lease.step(), "extraction");
  EXPECT_EQ(grant.lease.key(), "extract/0");
  EXPECT_EQ(grant.lease.epoch(), 1);
  EXPECT_EQ(grant.lease.attempt(), 1);
  EXPECT_EQ(grant.lease.lease_duration().seconds(), absl::ToInt64Seconds(kLease));
  EXPECT_EQ(grant.lease.request().extract().shard().count(), 2);
  EXPECT_EQ(JobState(job), v1::STATE_RUNNING);
  EXPECT_EQ(TaskOf(job, "extract/0").worker_id(), "w1");
}

TEST_P(ConformanceTest, OnlyTheStagesAskedFor) {
  Create("r1");
  EXPECT_THAT(*store().Lease({.stages = {"trainer", "merger"}, .worker_ids = {"w"}}), IsEmpty());
  EXPECT_EQ(store().Lease({.stages = {"trainer", "extraction"}, .worker_ids = {"w"}})->size(), 1u);
}

TEST_P(ConformanceTest, GpuTasksNeedAGpu) {
  Create("r1", SpecOf("inputs: {teacher_pairs: p.json}\nsteps: [distillation]\nuse_gpu: true\n"),
         Facts());
  EXPECT_THAT(LeaseMany(1), IsEmpty());
  EXPECT_EQ(LeaseMany(1, /*has_gpu=*/true).size(), 1u);
}

TEST_P(ConformanceTest, EachTaskIsLeasedOnce) {
  Create("r1", SpecOf("sources: [{pdf: d}]\nsteps: [extraction]\nextraction: {shards: 20}\n"));
  EXPECT_EQ(LeaseMany(7).size() + LeaseMany(30).size(), 20u);
  EXPECT_THAT(LeaseMany(1), IsEmpty());
}

TEST_P(ConformanceTest, CompletionIsRecordedOnce) {
  const std::string job = Create("r1");
  const GrantedLease grant = LeaseOne();
  ASSERT_TRUE(Complete(grant).ok());
  ASSERT_TRUE(Complete(grant).ok()) << "repeating the call";
  ExpectStale(Complete(grant, "something else"));
  EXPECT_EQ(TaskOf(job, "extract/0").result().manifest().artifacts(0).sha256(),
            Sha256Hex("extract/0"));
  ExpectStale(Fail(grant, true));
  ExpectStale(Release(grant));
  ExpectStale(Beat(grant).status());
  ExpectSound(job);
}

// As after a crash of PostgreSQL that forgot the first lease: both have the same epoch.
TEST_P(ConformanceTest, ALateCompletionIsToldWhetherItIsTheOneThatCounts) {
  const std::string job = Create("r1");
  const GrantedLease grant = LeaseOne();
  GrantedLease forgotten = grant;
  forgotten.worker_id = "forgotten";
  ExpectStale(Complete(forgotten, "its own output"));
  ASSERT_TRUE(Complete(grant).ok());
  ExpectStale(Complete(forgotten, "its own output"));
  RunAll();
  ASSERT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  ExpectStale(Complete(forgotten, "its own output"));
  ASSERT_TRUE(Complete(grant).ok()) << "repeating the call when all is over";
  ExpectSound(job);
}

TEST_P(ConformanceTest, ALateCompletionAfterAnotherAttemptIsStale) {
  const std::string job = Create("r1");
  const GrantedLease first = LeaseOne();
  ASSERT_TRUE(Fail(first, true).ok());
  ExpectStale(Complete(first));
  const GrantedLease second = LeaseOne();
  ASSERT_EQ(second.lease.task_id(), first.lease.task_id());
  ExpectStale(Complete(first));
  ASSERT_TRUE(Complete(second).ok());
  ExpectStale(Complete(first));  // the same output, but of a lease that had ended
  ExpectSound(job);
}

TEST_P(ConformanceTest, StaleEpochIsRefusedEverywhere) {
  const std::string job = Create("r1");
  const GrantedLease old = LeaseOne();
  ExpireAll();
  const GrantedLease fresh = LeaseOne();
  ASSERT_EQ(fresh.lease.task_id(), old.lease.task_id());
  EXPECT_EQ(fresh.lease.epoch(), old.lease.epoch() + 1);
  for (const absl::Status& status :
       {Beat(old).status(), Complete(old), Fail(old, false), Release(old)}) {
    ExpectStale(status);
  }
  EXPECT_EQ(TaskOf(job, "extract/0").state(), v1::STATE_RUNNING);
  EXPECT_TRUE(Complete(fresh).ok());
}

TEST_P(ConformanceTest, AnotherWorkerCannotUseALease) {
  Create("r1");
  GrantedLease grant = LeaseOne();
  grant.worker_id = "thief";
  ExpectStale(Beat(grant).status());
  ExpectStale(Complete(grant));
}

TEST_P(ConformanceTest, HeartbeatsKeepALease) {
  Create("r1");
  const GrantedLease grant = LeaseOne();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Pass(kLease * 0.8), 0);
    ASSERT_TRUE(Beat(grant).ok());
  }
  EXPECT_EQ(Pass(kLease * 1.2), 1);
  ExpectStale(Complete(grant));
}

TEST_P(ConformanceTest, UnknownTasksAreNotFound) {
  GrantedLease grant;
  grant.lease.set_task_id("nope");
  EXPECT_EQ(Complete(grant).code(), absl::StatusCode::kNotFound);
  ExpectStale(Beat(grant).status());
}

// ---- Failures.

TEST_P(ConformanceTest, RetryableFailuresUseTheBudgetThenFailTheJob) {
  const std::string job = Create("r1");
  for (int attempt = 1; attempt <= 4; ++attempt) {
    const GrantedLease grant = LeaseOne();
    EXPECT_EQ(grant.lease.key(), "extract/0");
    EXPECT_EQ(grant.lease.attempt(), attempt);
    ASSERT_TRUE(Fail(grant, true).ok());
    ASSERT_TRUE(Fail(grant, true).ok()) << "repeating the call";
  }
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  EXPECT_THAT(Get(job).reason(), HasSubstr("extract/0: broken (out of retries)"));
  EXPECT_EQ(TaskOf(job, "extract/1").state(), v1::STATE_CANCELLED);
  ExpectSound(job);
  ASSERT_TRUE(store().RetryJob(job).ok());
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1", "extract/join"));
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  ExpectSound(job);
}

TEST_P(ConformanceTest, AFailedTaskWaitsBeforeItRunsAgain) {
  options_.first_backoff = absl::Minutes(10);
  options_.longest_backoff = absl::Minutes(10);
  Create("r1", SpecOf("sources: [{pdf: d}]\nsteps: [extraction]\nextraction: {shards: 1}\n"));
  ASSERT_TRUE(Fail(LeaseOne(), true).ok());
  EXPECT_THAT(LeaseMany(1), IsEmpty());
  world().Advance(absl::Minutes(11));
  EXPECT_EQ(LeaseOne().lease.attempt(), 2);
}

TEST_P(ConformanceTest, AFatalFailureFailsAtOnceAndStopsTheOthers) {
  const std::string job = Create("r1");
  auto leases = LeaseMany(2);
  ASSERT_TRUE(Fail(leases[0], false).ok());
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  EXPECT_TRUE(*Beat(leases[1]));
  ASSERT_TRUE(Release(leases[1]).ok());
  EXPECT_EQ(TaskOf(job, "extract/1").state(), v1::STATE_CANCELLED);
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  ExpectSound(job);
}

TEST_P(ConformanceTest, ReleaseCountsAsNothing) {
  const std::string job = Create("r1");
  for (int i = 0; i < 20; ++i) {
    const GrantedLease grant = LeaseOne();
    ASSERT_EQ(grant.lease.key(), "extract/0");
    ASSERT_TRUE(Release(grant).ok());
    ASSERT_TRUE(Release(grant).ok()) << "repeating the call";
  }
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1", "extract/join"));
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  ExpectSound(job);
}

TEST_P(ConformanceTest, ThreeCrashesSetATaskAside) {
  const std::string job = Create("r1");
  for (int i = 0; i < 3; ++i) {
    const GrantedLease grant = LeaseOne();
    ASSERT_EQ(grant.lease.key(), "extract/0");
    ASSERT_TRUE(Beat(grant).ok());
    ExpireAll();
  }
  EXPECT_EQ(TaskOf(job, "extract/0").state(), v1::STATE_QUARANTINED);
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  EXPECT_THAT(Get(job).reason(), HasSubstr("3 workers fell silent"));
  ASSERT_TRUE(store().RetryJob(job).ok());
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1", "extract/join"));
  ExpectSound(job);
}

TEST_P(ConformanceTest, LostAnswersAreNotCrashes) {
  const std::string job = Create("r1");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(JobState(job), i == 0 ? v1::STATE_READY : v1::STATE_RUNNING);
    ASSERT_EQ(LeaseOne().lease.key(), "extract/0");
    ExpireAll();
  }
  EXPECT_EQ(TaskOf(job, "extract/0").state(), v1::STATE_QUARANTINED);
  ExpectSound(job);
}

// ---- Jobs.

TEST_P(ConformanceTest, RunsToTheEnd) {
  const std::string job =
      Create("r1", SpecOf("sources: [{pdf: docs}]\nsteps: [extraction, enrichment, teacher]\n"
                          "extraction: {shards: 2}\nteacher: {shards: 2}\n"));
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1", "extract/join", "enrich", "pairs/0",
                                    "pairs/1", "pairs/join"));
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  ExpectSound(job);
}

TEST_P(ConformanceTest, CreateIsIdempotent) {
  const std::string job = Create("r1");
  EXPECT_EQ(Create("r1"), job);
  EXPECT_EQ(store().CreateJob("r1", SpecOf("sources: [{pdf: other}]\n"), {}).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(LeaseMany(10).size(), 2u) << "planned once";
}

TEST_P(ConformanceTest, ASpecThatCannotBePlannedMakesNoJob) {
  EXPECT_EQ(store()
                .CreateJob("r1", SpecOf("sources: [{pdf: docs}]\nsteps: [merge]\n"), {})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_P(ConformanceTest, UnknownJobsAreNotFound) {
  EXPECT_EQ(store().GetJob("nope").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store().CancelJob("nope", "").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store().RetryJob("nope").code(), absl::StatusCode::kNotFound);
}

TEST_P(ConformanceTest, CancelReachesWaitingAndRunningTasks) {
  const std::string job = Create("r1");
  const GrantedLease running = LeaseOne();
  ASSERT_TRUE(store().CancelJob(job, "enough").ok());
  ASSERT_TRUE(store().CancelJob(job, "enough").ok()) << "repeating the call";
  EXPECT_EQ(JobState(job), v1::STATE_CANCELLING);
  EXPECT_EQ(TaskOf(job, "extract/1").state(), v1::STATE_CANCELLED);
  EXPECT_THAT(LeaseMany(1), IsEmpty());
  EXPECT_TRUE(*Beat(running));
  ASSERT_TRUE(Release(running).ok());
  EXPECT_EQ(JobState(job), v1::STATE_CANCELLED);
  EXPECT_EQ(Get(job).reason(), "enough");
  ExpectSound(job);
}

TEST_P(ConformanceTest, ACompletionDuringCancelKeepsItsOutput) {
  const std::string job = Create("r1");
  const GrantedLease running = LeaseOne();
  ASSERT_TRUE(store().CancelJob(job, "").ok());
  ASSERT_TRUE(Complete(running).ok());
  EXPECT_EQ(TaskOf(job, "extract/0").state(), v1::STATE_SUCCEEDED);
  EXPECT_EQ(JobState(job), v1::STATE_CANCELLED);
  ExpectSound(job);
  ASSERT_TRUE(store().RetryJob(job).ok());
  EXPECT_THAT(RunAll(), ElementsAre("extract/1", "extract/join"));
}

TEST_P(ConformanceTest, ASilentWorkerDoesNotHoldACancelUp) {
  const std::string job = Create("r1");
  LeaseOne();
  ASSERT_TRUE(store().CancelJob(job, "").ok());
  ExpireAll();
  EXPECT_EQ(JobState(job), v1::STATE_CANCELLED);
  ExpectSound(job);
}

TEST_P(ConformanceTest, EndedJobsCannotBeCancelledNorSucceededOnesRetried) {
  const std::string job = Create("r1");
  RunAll();
  EXPECT_EQ(store().CancelJob(job, "").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store().RetryJob(job).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(ConformanceTest, RetryWhileCancellingFencesTheOldWorker) {
  const std::string job = Create("r1");
  const GrantedLease old = LeaseOne();
  ASSERT_TRUE(store().CancelJob(job, "").ok());
  ASSERT_TRUE(store().RetryJob(job).ok());
  for (const absl::Status& status :
       {Beat(old).status(), Complete(old), Fail(old, false), Release(old)}) {
    ExpectStale(status);
  }
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1", "extract/join"));
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  ExpectSound(job);
}

// ---- Reuse.

TEST_P(ConformanceTest, SameInputsAndSettingsAreNotRunAgain) {
  Create("r1", SmallSpec(), Facts());
  RunAll();
  const std::string again = Create("r2", SmallSpec(), Facts());
  EXPECT_EQ(JobState(again), v1::STATE_SUCCEEDED);
  EXPECT_EQ(TaskOf(again, "extract/join").state(), v1::STATE_SKIPPED);
  ExpectSound(again, Facts());
  const std::string other = Create("r3", SmallSpec(), Facts("d2"));
  EXPECT_THAT(RunAll("d2"), ElementsAre("extract/0", "extract/1", "extract/join"));
  ExpectSound(other, Facts("d2"));
}

TEST_P(ConformanceTest, OutputsThatAreGoneAreMadeAgain) {
  options_.output_exists = [](const std::string& manifest) {
    return manifest != Sha256Hex("extract/1");
  };
  Create("r1", SmallSpec(), Facts());
  RunAll();
  Create("r2", SmallSpec(), Facts());
  EXPECT_EQ(LeaseOne().lease.key(), "extract/1");
}

}  // namespace
}  // namespace foundry::coordinator
