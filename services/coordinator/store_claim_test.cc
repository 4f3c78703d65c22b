// Conformance of the store: which tasks are claimed in which order, by what plans, and what waiting
// tasks give as their reason.
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/substitute.h"
#include "gmock/gmock.h"
#include "services/coordinator/claim_sql.h"
#include "services/coordinator/lease_sql.h"
#include "services/coordinator/schedule.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class StoreClaimTest : public StoreFixture {
 protected:
  // Jobs of the next leases, by name.
  std::map<std::string, int> NextJobs(int count, const std::string& worker = "w") {
    std::map<std::string, int> jobs;
    for (const GrantedLease& grant : LeaseMany(count, worker)) {
      ++jobs[Get(grant.lease.job_id()).name()];
    }
    return jobs;
  }
  std::string Plan(const std::string& sql, const std::string& types, const std::string& values,
                   const std::string& mode) {
    std::string plan;
    Database database({.connection_info = info_});
    const absl::Status status = database.Transact("plan", Soon(), [&](pqxx::work& work) {
      work.exec("SET LOCAL plan_cache_mode = " + mode);
      work.exec(absl::Substitute("PREPARE p($0) AS $1", types, sql));
      for (const auto& row : work.exec(absl::Substitute("EXPLAIN EXECUTE p($0)", values))) {
        absl::StrAppend(&plan, row[0].as<std::string>(), "\n");
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return plan;
  }
};

// What makes claims cheap and exact: the rows are locked inside the CTE, as many as are claimed,
// found by the index of ready tasks in their order, with those that others hold skipped.
TEST_F(StoreClaimTest, ClaimsAreIndexScansThatSkipLockedRows) {
  const std::string job = CreateWith("big", "", 3000);
  Sql("INSERT INTO tasks (task_id, job_id, step, key, stage, needs_gpu, weight, state, request, "
      "fingerprint) SELECT 'old' || n, '" +
      job +
      "', 'extraction', 'old' || n, 'extraction', false, 1, 4, '', '' "
      "FROM generate_series(1, 20000) n");
  Sql("ANALYZE");
  EXPECT_THAT(std::string(kClaimSql), HasSubstr("FOR UPDATE SKIP LOCKED"));
  for (const char* mode : {"force_generic_plan", "force_custom_plan"}) {
    const std::string claim =
        Plan(kClaimSql, "text[], text[], bigint[], int[], boolean, text[], text, int",
             "'{" + job + "}', '{extraction}', '{0}', '{8}', false, '{w}', '30 seconds', 1", mode);
    EXPECT_THAT(claim, HasSubstr("CTE candidate"));
    EXPECT_THAT(claim, HasSubstr("LockRows"));
    EXPECT_THAT(claim, HasSubstr("Index Scan using tasks_open")) << mode;
    EXPECT_THAT(claim, Not(HasSubstr("Seq Scan on tasks"))) << mode;
    const std::string ready = Plan(kReadyWorkSql, "text[], boolean, text[], text[], bigint[], int",
                                   "'{extraction,teacher}', false, '{}', '{}', '{}', 1", mode);
    EXPECT_THAT(ready, HasSubstr("Index Scan using tasks_open")) << mode;
    EXPECT_THAT(ready, Not(HasSubstr("Seq Scan on tasks"))) << mode;
  }
}

// The lines of a plan that read heartbeats, each with the condition below it.
std::vector<std::string> ReadsOfHeartbeats(const std::string& plan) {
  std::vector<std::string> reads;
  const std::vector<std::string> lines = absl::StrSplit(plan, '\n');
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    if (absl::StrContains(lines[i], "Scan") && absl::StrContains(lines[i], "heartbeats")) {
      reads.push_back(absl::StrCat(lines[i], " / ", lines[i + 1]));
    }
  }
  return reads;
}

// Also where the statistics say that there are next to none, which is so beside a long transaction:
// then thousands that have ended are still there.
TEST_F(StoreClaimTest, LeasesAreFoundByTheirTasksWhateverTheStatisticsSay) {
  CreateWith("big", "", 3000);
  LeaseOne();
  Sql("ANALYZE");
  const std::string beat =
      "text[], bigint[], text[], smallint[], float8[], float8[], text[], text[]";
  const std::string beats = "'{a}', '{1}', '{w}', '{0}', '{0}', '{0}', '{u}', '{m}', '30 seconds'";
  for (const char* mode : {"force_generic_plan", "force_custom_plan"}) {
    for (const std::string& plan :
         {Plan(kToAnnounceSql, "text[], bigint[]", "'{a}', '{1}'", mode),
          Plan(kAnnounceSql, "text[], bigint[]", "'{a}', '{1}'", mode),
          Plan(kHeartbeatsSql, beat + ", text", beats, mode),
          Plan(kLockTasksSql, "text[]", "'{a}'", mode),
          Plan(kSucceedSql, "text[], bytea[], text[]", "'{a}', '{}', '{m}'", mode),
          Plan(kEndLeasesSql, "text[]", "'{a}'", mode)}) {
      EXPECT_THAT(ReadsOfHeartbeats(plan), Not(IsEmpty())) << plan;
      EXPECT_THAT(ReadsOfHeartbeats(plan), Each(ContainsRegex("Index Cond: .*task_id = "))) << plan;
    }
  }
}

TEST_F(StoreClaimTest, HigherPriorityGoesFirst) {
  CreateWith("low", "priority: -5\n");
  CreateWith("normal", "", 3);
  CreateWith("high", "priority: 7\n", 2);
  EXPECT_EQ(NextJobs(4), (std::map<std::string, int>{{"high", 2}, {"normal", 2}}));
  EXPECT_EQ(NextJobs(3), (std::map<std::string, int>{{"normal", 1}, {"low", 2}}));
}

TEST_F(StoreClaimTest, JobsOfOnePriorityShareFairly) {
  CreateWith("first", "");
  EXPECT_EQ(NextJobs(4), (std::map<std::string, int>{{"first", 4}}));
  CreateWith("second", "");
  // What the first one holds counts.
  EXPECT_EQ(NextJobs(6), (std::map<std::string, int>{{"first", 1}, {"second", 5}}));
}

TEST_F(StoreClaimTest, AJobThatWaitedTooLongGetsOneTask) {
  CreateWith("low", "priority: -100\n");
  CreateWith("high", "priority: 100\n");
  Sql("UPDATE tasks SET state_time = state_time - interval '11 minutes' WHERE job_id = (SELECT "
      "job_id FROM jobs WHERE name = 'low')");
  EXPECT_EQ(NextJobs(4), (std::map<std::string, int>{{"low", 1}, {"high", 3}}));
  EXPECT_EQ(NextJobs(4), (std::map<std::string, int>{{"high", 4}}));
}

TEST_F(StoreClaimTest, ALimitHoldsAgainstManyClaimantsOnTwoCoordinators) {
  CreateWith("limited", "max_running_tasks: 3\n", 60);
  auto other = NewStore();
  std::atomic<int> done{0}, most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Store& mine = i % 2 == 0 ? store() : *other;
      while (done < 60) {
        auto leases = mine.Lease(
            {.stages = {"extraction"}, .worker_ids = {absl::StrCat("a", i), absl::StrCat("b", i)}},
            Soon());
        ASSERT_TRUE(leases.ok()) << leases.status();
        Database database({.connection_info = info_});
        const absl::Status counted = database.Transact("count", Soon(), [&](pqxx::work& work) {
          const int held = Exec(work, "SELECT count(*) FROM heartbeats")[0][0].as<int>();
          for (int seen = most; held > seen && !most.compare_exchange_weak(seen, held);) {
          }
          return absl::OkStatus();
        });
        ASSERT_TRUE(counted.ok()) << counted;
        for (const GrantedLease& grant : *leases) {
          if (grant.lease.key() == "extract/join") continue;
          ASSERT_TRUE(mine.Complete(Completion(grant), Soon()).ok());
          ++done;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 60);
  EXPECT_LE(most, 3);
}

TEST_F(StoreClaimTest, TasksThatComeBackThroughAnotherCoordinatorAreFound) {
  CreateWith("job", "", 4);
  auto other = NewStore();
  auto leases = LeaseMany(3);
  ASSERT_EQ(leases.size(), 3u);
  ASSERT_TRUE(other->Release({leases[0].lease.task_id(), leases[0].worker_id, 1}, Soon()).ok());
  // Below where this store's last claim ended; above it there is one more. A slow machine looks
  // below only now and then.
  size_t found = 0;
  for (const absl::Time give_up = Soon(); found < 2 && absl::Now() < give_up;) {
    found += LeaseMany(2, "again").size();
  }
  EXPECT_EQ(found, 2u);
}

TEST_F(StoreClaimTest, AStartIsToldByWhateverComesFirst) {
  const std::string job = CreateWith("job", "", 5);
  const auto claim = [&] {
    auto claimed = store().Claim({.stages = {"extraction"}, .worker_ids = {"w"}}, Soon());
    EXPECT_TRUE(claimed.ok()) << claimed.status();
    return claimed->at(0);
  };
  const auto states = [&](const std::string& key) {
    std::vector<State> told;
    for (const v1::Event& event : CheckedEvents(job)) {
      if (event.task_key() == key) told.push_back(event.state());
    }
    return told;
  };
  const GrantedLease completed = claim(), failed = claim(), released = claim(), silent = claim(),
                     recorded = claim();
  EXPECT_EQ(JobState(job), v1::STATE_READY);
  ASSERT_TRUE(Complete(completed).ok());
  EXPECT_EQ(JobState(job), v1::STATE_RUNNING);
  ASSERT_TRUE(Fail(failed, true).ok());
  ASSERT_TRUE(Release(released).ok());
  ASSERT_TRUE(store().RecordStarts({recorded, completed}, Soon()).ok());
  ASSERT_TRUE(store().RecordStarts({recorded}, Soon()).ok());
  ExpireAll();
  EXPECT_THAT(states("extract/0"),
              ElementsAre(v1::STATE_READY, v1::STATE_RUNNING, v1::STATE_SUCCEEDED));
  for (const char* key : {"extract/1", "extract/2", "extract/3", "extract/4"}) {
    EXPECT_THAT(states(key), ElementsAre(v1::STATE_READY, v1::STATE_RUNNING, v1::STATE_READY))
        << key;
  }
}

TEST_F(StoreClaimTest, HeartbeatsOfOneBatchHaveTheirOwnOutcomes) {
  CreateWith("job", "", 2);
  auto leases = LeaseMany(2);
  std::vector<v1::HeartbeatRequest> beats(3);
  for (int i = 0; i < 3; ++i) {
    beats[i].set_task_id(leases[i % 2].lease.task_id());
    beats[i].set_worker_id(leases[i % 2].worker_id);
    beats[i].set_epoch(i == 2 ? 9 : 1);
  }
  auto* point = beats[1].add_metrics();
  point->set_name("loss");
  const auto outcomes = store().Heartbeats({&beats[0], &beats[1], &beats[2]}, Soon());
  EXPECT_TRUE(outcomes[0].ok()) << outcomes[0].status();
  EXPECT_TRUE(outcomes[1].ok()) << outcomes[1].status();
  EXPECT_EQ(ReasonOf(outcomes[2].status()), "STALE_LEASE");
}

TEST_F(StoreClaimTest, WaitingTasksSayWhatTheyWaitFor) {
  options_.first_backoff = absl::Hours(1);
  const std::string job = CreateWith("job", "", 3);
  const auto reason = [&](const std::string& key) {
    return TaskOf(job, "extraction", key).reason();
  };
  EXPECT_EQ(reason("extract/0"), "no worker for stage extraction for some seconds");
  Sql("UPDATE tasks SET state_time = state_time - interval '250 seconds'");
  EXPECT_EQ(reason("extract/0"), "no worker for stage extraction for 4m");
  ASSERT_TRUE(store().SawWorkers({{"w", {"extraction", "teacher"}, false}}, Soon()).ok());
  EXPECT_EQ(reason("extract/0"), "next for a worker of stage extraction");
  EXPECT_EQ(reason("extract/2"), "behind 2 tasks");
  Sql("UPDATE tasks SET needs_gpu = true WHERE key = 'extract/2'");
  EXPECT_EQ(reason("extract/2"), "no worker with a GPU for stage extraction for 4m");

  // A worker that asked long ago but holds a task is there; a failure's pause comes first.
  const GrantedLease held = LeaseOne("");
  Sql("UPDATE workers SET worker_id = '0', last_seen = last_seen - interval '1 hour'");
  EXPECT_EQ(reason("extract/1"), "next for a worker of stage extraction");
  ASSERT_TRUE(Fail(held, true, "flaky").ok());
  EXPECT_THAT(reason("extract/0"), StartsWith("waits until "));
  EXPECT_THAT(reason("extract/0"), HasSubstr("before: flaky"));
  EXPECT_EQ(reason("extract/1"), "no worker for stage extraction for 4m");
  ASSERT_TRUE(store().ForgetWorkers(absl::Minutes(30), Soon()).ok());
  Sql("DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM workers); END $$");
}

TEST_F(StoreClaimTest, LargeStepsAreToldInPart) {
  const std::string job = CreateWith("big", "", 1500);
  for (const GrantedLease& grant : LeaseMany(3)) ASSERT_TRUE(Complete(grant).ok());
  const v1::Step step = StepOf(Get(job), "extraction");
  EXPECT_EQ(step.tasks_size(), 1001);
  EXPECT_EQ(step.tasks(0).key(), "extract/3");
  EXPECT_EQ(step.tasks(1000).key(), "extract/1499");
  ASSERT_EQ(step.task_counts_size(), 2);
  EXPECT_EQ(step.task_counts(0).state(), v1::STATE_READY);
  EXPECT_EQ(step.task_counts(0).count(), 1497);
  EXPECT_EQ(step.task_counts(1).count(), 3);
  EXPECT_NEAR(step.fraction(), 3 / 1500.2, 1e-9);
}

}  // namespace
}  // namespace foundry::coordinator
