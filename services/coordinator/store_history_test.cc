// The schema's way up and down with data in it, and history that is dropped by age.
#include "gmock/gmock.h"
#include "services/coordinator/migrations.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreHistoryTest : public StoreFixture {
 protected:
  // A job with events and metrics that has ended one way or the other.
  std::string Finished(const std::string& name, bool succeeds) {
    const std::string job = Create(name, SmallSpec());
    const GrantedLease grant = LeaseOne();
    auto beat = RequestFor<v1::HeartbeatRequest>(grant);
    auto* point = beat.add_metrics();
    point->set_name("loss");
    point->set_step(3);
    point->set_value(0.25);
    EXPECT_TRUE(store().Heartbeat(beat, Soon()).ok());
    if (succeeds) {
      EXPECT_TRUE(Complete(grant).ok());
      RunAll();
    } else {
      EXPECT_TRUE(Fail(grant, false).ok());
    }
    return job;
  }
  // All that can be read of a job.
  std::string Everything(const std::string& job) {
    std::string all = Get(job).DebugString();
    for (const v1::Event& event : CheckedEvents(job)) absl::StrAppend(&all, event.DebugString());
    const auto curves = store().Metrics(job, "", "", Soon());
    EXPECT_TRUE(curves.ok()) << curves.status();
    EXPECT_EQ(curves->size(), 1u);
    for (const v1::Curve& curve : *curves) absl::StrAppend(&all, curve.DebugString());
    return all;
  }
  // As if it had been made in another week.
  void MoveTo(const std::string& job, const std::string& period) {
    Sql("SELECT foundry_ensure_history('" + period + "')");
    for (const char* table : {"jobs", "events", "metrics"}) {
      Sql(absl::StrCat("UPDATE ", table, " SET period = '", period, "' WHERE job_id = '", job,
                       "'"));
    }
  }
};

TEST_F(StoreHistoryTest, DataSurvivesTheWayDownAndUp) {
  const std::string done = Finished("done", true), failed = Finished("failed", false);
  const std::string running = Create("running", SmallSpec());
  const GrantedLease held = LeaseOne();
  const std::string before = Everything(done) + Everything(failed);
  for (int version = Migrations().back().version - 1; version > 0; --version) {
    store_.reset();
    ASSERT_TRUE(MigrateTo(info_, version).ok());
    ASSERT_TRUE(Migrate(info_).ok());
    EXPECT_EQ(Everything(done) + Everything(failed), before) << "down to " << version;
  }
  // Work goes on where it was.
  ASSERT_TRUE(Complete(held).ok());
  RunAll();
  EXPECT_EQ(JobState(running), v1::STATE_SUCCEEDED);
  CheckedEvents(running);
  ASSERT_TRUE(store().RetryJob(failed, Soon()).ok());
  CheckedEvents(failed);
}

TEST_F(StoreHistoryTest, DownToNothingAndUpAgain) {
  Finished("done", true);
  store_.reset();
  ASSERT_TRUE(MigrateTo(info_, 0).ok());
  Sql("DO $$ BEGIN ASSERT (SELECT count(*) FROM pg_tables WHERE schemaname = 'public') = 1; END "
      "$$");
  EXPECT_EQ(JobState(Finished("again", true)), v1::STATE_SUCCEEDED);
  EXPECT_EQ(MigrateTo(info_, 1000).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(StoreHistoryTest, OldHistoryIsDroppedAndNumbersGoOn) {
  const std::string old = Finished("old", false), young = Finished("young", true);
  const std::string running = Create("running", SmallSpec());
  MoveTo(old, "2020-01-06");
  MoveTo(running, "2020-01-13");
  const v1::Job before = Get(old);
  const std::string young_before = Everything(young);
  Sql("CREATE VIEW report AS SELECT * FROM events_20200106");
  const auto refused = store().DropHistory(absl::Hours(24 * 90), Soon());
  EXPECT_THAT(refused.status().message(), ::testing::HasSubstr("week 2020-01-06"));
  EXPECT_EQ(Get(old).DebugString(), before.DebugString());
  Sql("DROP VIEW report");
  const auto dropped = store().DropHistory(absl::Hours(24 * 90), Soon());
  ASSERT_TRUE(dropped.ok()) << dropped.status();
  EXPECT_THAT(*dropped, ElementsAre("2020-01-06")) << "a job of the other week still runs";
  EXPECT_THAT(*store().DropHistory(absl::Hours(24 * 90), Soon()), IsEmpty());

  EXPECT_EQ(Get(old).DebugString(), before.DebugString()) << "jobs and tasks stay";
  EXPECT_THAT(*store().Events(old, 0, 100, Soon()), IsEmpty());
  EXPECT_THAT(*store().Metrics(old, "", "", Soon()), IsEmpty());
  EXPECT_EQ(Everything(young), young_before);
  ASSERT_TRUE(store().RetryJob(old, Soon()).ok());
  EXPECT_EQ(store().Events(old, 0, 1, Soon())->at(0).event_id(), before.last_event_id() + 1);
}

}  // namespace
}  // namespace foundry::coordinator
