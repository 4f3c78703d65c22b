// Conformance of the store: jobs.
#include "gmock/gmock.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreJobsTest : public StoreFixture {};

TEST_F(StoreJobsTest, RunsToTheEnd) {
  const std::string job = Create("r1", SmallSpec());
  EXPECT_EQ(JobState(job), v1::STATE_READY);
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1", "extract/join"));
  const v1::Job done = Get(job);
  EXPECT_EQ(done.state(), v1::STATE_SUCCEEDED);
  EXPECT_TRUE(done.has_end_time());
  const v1::Step step = StepOf(done, "extraction");
  EXPECT_EQ(step.state(), v1::STATE_SUCCEEDED);
  EXPECT_EQ(step.manifest(), Sha256Hex("extract/join"));
  EXPECT_EQ(step.fraction(), 1);
  EXPECT_EQ(StepOf(done, "merge").state(), v1::STATE_SKIPPED);
  const auto events = CheckedEvents(job);
  EXPECT_EQ(events.front().message(), "created");
  EXPECT_EQ(events.back().state(), v1::STATE_SUCCEEDED);
  EXPECT_EQ(events.back().step(), "");
}

TEST_F(StoreJobsTest, UnknownJobIsNotFound) {
  EXPECT_EQ(store().GetJob("nope", Soon()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store().CancelJob("nope", "", Soon()).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store().RetryJob("nope", Soon()).code(), absl::StatusCode::kNotFound);
}

TEST_F(StoreJobsTest, ListPagesNewestFirst) {
  std::vector<std::string> created;
  for (int i = 0; i < 5; ++i)
    created.insert(created.begin(), Create(absl::StrCat("r", i), SmallSpec()));
  std::vector<std::string> listed;
  std::string token;
  do {
    auto page = store().ListJobs(2, token, v1::STATE_UNSPECIFIED, Soon());
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->jobs.size(), 2u);
    for (const v1::Job& job : page->jobs) listed.push_back(job.job_id());
    token = page->next_page_token;
  } while (!token.empty());
  EXPECT_EQ(listed, created);
  EXPECT_THAT(store().ListJobs(0, "", v1::STATE_SUCCEEDED, Soon())->jobs, IsEmpty());
  EXPECT_EQ(store().ListJobs(2, "x-y-z", v1::STATE_UNSPECIFIED, Soon()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(StoreJobsTest, CancelWithoutRunningTasksEndsAtOnce) {
  const std::string job = Create("r1", SmallSpec());
  ASSERT_TRUE(store().CancelJob(job, "", Soon()).ok());
  EXPECT_EQ(JobState(job), v1::STATE_CANCELLED);
}

TEST_F(StoreJobsTest, SameInputsAndSettingsAreNotRunAgain) {
  Create("r1", SmallSpec(), Facts());
  RunAll();
  const std::string again = Create("r2", SmallSpec(), Facts());
  EXPECT_THAT(RunAll(), IsEmpty());
  const v1::Job job = Get(again);
  EXPECT_EQ(job.state(), v1::STATE_SUCCEEDED);
  EXPECT_EQ(StepOf(job, "extraction").state(), v1::STATE_SKIPPED);
  EXPECT_EQ(StepOf(job, "extraction").manifest(), Sha256Hex("extract/join"));
  CheckedEvents(again);
}

TEST_F(StoreJobsTest, ChangedInputsRunAgain) {
  Create("r1", SmallSpec(), Facts());
  RunAll();
  Create("r2", SmallSpec(), {.hashes = {{"/data/docs", "d2"}}});
  // The simulated shards give equal outputs, so that the join's inputs are the same again.
  EXPECT_THAT(RunAll(), ElementsAre("extract/0", "extract/1"));
}

TEST_F(StoreJobsTest, LateSettingRunsLateStepsOnly) {
  auto spec = SpecOf(
      "sources: [{pdf: docs}]\nextraction: {shards: 1}\nteacher: {shards: 1}\n"
      "self_study: {iterations: 0}\n");
  Create("r1", spec, Facts());
  RunAll();
  spec.mutable_evaluation()->set_max_new_tokens(7);
  Create("r2", spec, Facts());
  // The report's inputs are equal again, as these workers' outputs do not depend on the request.
  EXPECT_THAT(RunAll(), ElementsAre("evaluate/base", "evaluate/student"));
}

TEST_F(StoreJobsTest, JobWaitsForItsExports) {
  options_.wait_for_exports = true;
  const std::string job = Create("r1", SmallSpec());
  RunAll();
  EXPECT_EQ(JobState(job), v1::STATE_RUNNING);
  auto pending = store().PendingExports(10, {}, Soon());
  ASSERT_TRUE(pending.ok()) << pending.status();
  ASSERT_EQ(pending->size(), 1u);
  EXPECT_EQ((*pending)[0].step, "extraction");
  EXPECT_EQ((*pending)[0].tasks.size(), 3u);
  ASSERT_TRUE(store().ExportFailed(job, "extraction", "disk full", Soon()).ok());
  EXPECT_THAT(Get(job).reason(), HasSubstr("disk full"));
  EXPECT_THAT(*store().PendingExports(10, {}, Soon()), IsEmpty());
  ASSERT_TRUE(store().RetryJob(job, Soon()).ok());
  EXPECT_EQ(store().PendingExports(10, {}, Soon())->size(), 1u);
  ASSERT_TRUE(store().ExportDone(job, "extraction", Soon()).ok());
  ASSERT_TRUE(store().ExportDone(job, "extraction", Soon()).ok());
  EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
}

TEST_F(StoreJobsTest, NoOutputOfAJobThatFailedCountsAsWritten) {
  options_.wait_for_exports = true;
  const std::string job = Create("r1", SpecOf("sources: [{pdf: docs}]\nsteps: [extraction, "
                                              "enrichment]\nextraction: {shards: 1}\n"));
  RunAll();
  ASSERT_EQ(store().PendingExports(10, {}, Soon())->size(), 2u);
  for (const char* step : {"extraction", "enrichment"}) {
    ASSERT_TRUE(store().ExportFailed(job, step, "disk full", Soon()).ok());
  }
  EXPECT_EQ(JobState(job), v1::STATE_FAILED);
  ASSERT_TRUE(store().RetryJob(job, Soon()).ok());
  EXPECT_EQ(store().PendingExports(10, {}, Soon())->size(), 2u);
}

TEST_F(StoreJobsTest, OutputsOfSomeJobsCanBeLeftForLater) {
  options_.wait_for_exports = true;
  const std::string away = Create("r1", SmallSpec());
  const std::string other = CreateWith("other", "", 1);
  RunAll();
  EXPECT_EQ((*store().PendingExports(1, {}, Soon()))[0].job_id, away);
  EXPECT_EQ((*store().PendingExports(1, {away}, Soon()))[0].job_id, other);
  EXPECT_THAT(*store().PendingExports(1, {away, other}, Soon()), IsEmpty());
}

TEST_F(StoreJobsTest, ManifestsAreReadInParts) {
  CreateWith("job", "", 5);
  std::set<std::string> committed;
  for (const std::string& key : RunAll()) committed.insert(Sha256Hex(key));
  ASSERT_GE(committed.size(), 5u);
  for (const int part : {1, 2, 5, 6}) {
    EXPECT_EQ(*store().CommittedManifests(Soon(), part), committed) << part;
  }
}

TEST_F(StoreJobsTest, OutputsOfAnEndedJobAreWrittenOnceMoreOrGivenUp) {
  options_.wait_for_exports = true;
  const std::string job = Create("r1", SmallSpec());
  RunAll();
  ASSERT_TRUE(store().ExportDone(job, "extraction", Soon()).ok());
  ASSERT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  EXPECT_EQ(store().StepsWithOutputs(job, Soon())->size(), 1u);
  for (const bool works : {true, false}) {
    ASSERT_TRUE(store().ExportAgain(job, Soon()).ok());
    EXPECT_EQ(store().PendingExports(10, {}, Soon())->size(), 1u);
    const absl::Status status = works
                                    ? store().ExportDone(job, "extraction", Soon())
                                    : store().ExportFailed(job, "extraction", "disk full", Soon());
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_THAT(*store().PendingExports(10, {}, Soon()), IsEmpty());
    EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
  }
  EXPECT_EQ(CheckedEvents(job).back().severity(), "error");
}

}  // namespace
}  // namespace foundry::coordinator
