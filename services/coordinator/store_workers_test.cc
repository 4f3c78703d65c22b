// Leases on a real database: claimants at the same time, locks, curves. What every store must do is
// in testing/conformance_test.cc.
#include <thread>

#include "common/base/steady_time.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

class StoreWorkersTest : public StoreFixture {};

TEST_F(StoreWorkersTest, ManyClaimantsOnTwoCoordinatorsGetEachTaskOnce) {
  Create("r1", SpecOf("sources: [{pdf: d}]\nsteps: [extraction]\nextraction: {shards: 200}\n"));
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

TEST_F(StoreWorkersTest, LastTwoCompletionsAtOncePlanTheNextTaskOnce) {
  for (int round = 0; round < 10; ++round) {
    const std::string job = Create(absl::StrCat("r", round), SmallSpec());
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

TEST_F(StoreWorkersTest, ProgressMetricsAndMessagesAreSeen) {
  const std::string job = Create("r1", SmallSpec());
  const GrantedLease grant = LeaseOne();
  auto beat = RequestFor<v1::HeartbeatRequest>(grant);
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

TEST_F(StoreWorkersTest, AHeldJobKeepsNoOthersLeasesFromEnding) {
  const std::string held = Create("held", SmallSpec()), free = Create("free", SmallSpec());
  ASSERT_EQ(LeaseMany(4).size(), 4u);
  const auto connection = Connect(info_);
  pqxx::work holder(*connection);
  holder.exec("SELECT FROM jobs WHERE job_id = " + holder.quote(held) + " FOR UPDATE");
  Sql("UPDATE heartbeats SET lease_until = clock_timestamp() - interval '1 second' * "
      "(CASE job_id WHEN '" +
      held + "' THEN 9 ELSE 1 END)");
  EXPECT_EQ(store().ExpireLeases(Soon()).value_or(-1), 2);
  EXPECT_EQ(TaskOf(free, "extraction", "extract/0").state(), v1::STATE_READY);
  EXPECT_EQ(TaskOf(free, "extraction", "extract/1").state(), v1::STATE_READY);
  holder.commit();
  EXPECT_EQ(store().ExpireLeases(Soon()).value_or(-1), 2);
  EXPECT_EQ(TaskOf(held, "extraction", "extract/1").state(), v1::STATE_READY);
}

TEST_F(StoreWorkersTest, ClaimsWaitForNobody) {
  const std::string job = Create("r1", SmallSpec());
  // A transaction that holds the job's row and one task's.
  const auto connection = Connect(info_);
  pqxx::work holder(*connection);
  holder.exec("SELECT FROM jobs FOR UPDATE");
  holder.exec("SELECT FROM tasks WHERE key = 'extract/0' FOR UPDATE");
  // The start cannot be recorded meanwhile; the lease is given all the same.
  auto leases = store().Lease({.stages = {"extraction"}, .worker_ids = {"w"}},
                              SteadyNow() + absl::Milliseconds(700));
  ASSERT_TRUE(leases.ok()) << leases.status();
  ASSERT_EQ(leases->size(), 1u);
  EXPECT_EQ((*leases)[0].lease.key(), "extract/1");
  holder.abort();
  EXPECT_TRUE(Complete((*leases)[0]).ok());
  EXPECT_EQ(StepOf(Get(job), "extraction").state(), v1::STATE_RUNNING);
}

// The database's clock was set back by an hour while a worker that has died held a lease, and a
// failed task waited.
TEST_F(StoreWorkersTest, AClockThatWasSetBackHoldsNothingUp) {
  const std::string job = Create("r1", SmallSpec());
  const GrantedLease silent = LeaseOne(), failing = LeaseOne();
  ASSERT_TRUE(Fail(failing, true).ok());
  Sql("UPDATE heartbeats SET lease_until = lease_until + interval '1 hour'");
  Sql("UPDATE tasks SET not_before = not_before + interval '1 hour' WHERE state = 2");
  EXPECT_EQ(LeaseOne().lease.epoch(), 0);
  ASSERT_TRUE(store().ShortenPauses(Soon()).ok());
  EXPECT_EQ(LeaseOne().lease.task_id(), failing.lease.task_id());
  // The lease stands once more for its time, then it runs out.
  EXPECT_EQ(store().ExpireLeases(Soon()).value_or(-1), 0);
  EXPECT_TRUE(Beat(silent).ok());
  ExpireAll();
  EXPECT_EQ(TaskOf(job, "extraction", "extract/0").state(), v1::STATE_READY);
}

}  // namespace
}  // namespace foundry::coordinator
