// Conformance of the store: random schedules of workers, crashes, cancels and retries against a
// model of what must be accepted. A failing seed is in the test's trace; FOUNDRY_STORE_SEEDS=N runs
// N schedules, from FOUNDRY_STORE_SEED on.
#include <cstdlib>
#include <map>
#include <random>

#include "absl/strings/numbers.h"
#include "services/coordinator/state.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

int FromEnvironment(const char* name, int fallback) {
  int value = 0;
  const char* text = getenv(name);
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : fallback;
}

class StoreRandomTest : public StoreFixture {
 protected:
  // What the store must believe about a task.
  struct Model {
    int64_t epoch = 0;
    bool held = false;
    bool completed = false;  // under `epoch`
  };

  void Schedule(int seed) {
    std::mt19937 random(seed);
    other_ = NewStore();
    const std::string job = Create(absl::StrCat("seed", seed),
                                   Spec("sources: [{pdf: docs}]\nsteps: [extraction, enrichment]\n"
                                        "extraction: {shards: 3}\n"));
    std::vector<GrantedLease> leases;  // every lease ever given
    for (int turn = 0; turn < 120; ++turn) {
      Store& store = random() % 2 == 0 ? this->store() : *other_;
      const int action = random() % 100;
      if (action < 30 || leases.empty()) {
        Lease(store, 1 + random() % 2, &leases);
      } else if (action < 85) {
        // An old lease as often as a fresh one: stale writes are the point.
        const size_t back = random() % 2 == 0 ? random() % std::min<size_t>(leases.size(), 3)
                                              : random() % leases.size();
        WorkerCall(store, leases[leases.size() - 1 - back], random() % 100);
      } else if (action < 93) {
        ExpireAll();
        for (auto& [id, task] : tasks_) task.held = false;
      } else if (action < 96) {
        (void)store.CancelJob(job, "", Soon());
      } else {
        Retry(store, job);
      }
      if (HasFailure()) return;
    }
    FinishJob(job);
  }

  void Lease(Store& store, int count, std::vector<GrantedLease>* leases) {
    LeaseQuery query{.stages = EveryStage()};
    for (int i = 0; i < count; ++i) query.worker_ids.push_back(absl::StrCat("w", ++workers_));
    auto granted = store.Lease(query, Soon());
    ASSERT_TRUE(granted.ok()) << granted.status();
    for (GrantedLease& grant : *granted) {
      Model& task = tasks_[grant.lease.task_id()];
      EXPECT_FALSE(task.held) << grant.lease.key() << " was leased twice";
      EXPECT_FALSE(task.completed) << grant.lease.key() << " was leased after its completion";
      EXPECT_GT(grant.lease.epoch(), task.epoch);
      task = {grant.lease.epoch(), true, false};
      leases->push_back(std::move(grant));
    }
  }

  void WorkerCall(Store& store, const GrantedLease& grant, int choice) {
    Model& task = tasks_[grant.lease.task_id()];
    const bool current = task.epoch == grant.lease.epoch();
    absl::Status status;
    if (choice < 30) {
      v1::HeartbeatRequest beat;
      beat.set_worker_id(grant.worker_id);
      beat.set_task_id(grant.lease.task_id());
      beat.set_epoch(grant.lease.epoch());
      beat.add_messages("still there");
      status = store.Heartbeat(beat, Soon()).status();
      EXPECT_EQ(status.ok(), current && task.held) << status;
    } else if (choice < 70) {
      status = store.Complete(Completion(grant), Soon());
      EXPECT_EQ(status.ok(), current && (task.held || task.completed)) << status;
      if (status.ok()) task = {task.epoch, false, true};
    } else {
      v1::FailTaskRequest fail;
      fail.set_worker_id(grant.worker_id);
      fail.set_task_id(grant.lease.task_id());
      fail.set_epoch(grant.lease.epoch());
      fail.set_retryable(choice < 98);
      fail.set_message("random");
      status =
          choice < 85
              ? store.Release({grant.lease.task_id(), grant.worker_id, grant.lease.epoch()}, Soon())
              : store.Fail(fail, Soon());
      EXPECT_FALSE(status.ok() && (!current || task.completed));
      EXPECT_TRUE(status.ok() || !current || !task.held) << status;
      if (status.ok() && current) task.held = false;
    }
    EXPECT_TRUE(status.ok() || ReasonOf(status) == "STALE_LEASE") << status;
  }

  void Retry(Store& store, const std::string& job) {
    const State before = JobState(job);
    const absl::Status status = store.RetryJob(job, Soon());
    EXPECT_EQ(status.ok(), before != v1::STATE_SUCCEEDED) << status;
    // A job that had stopped takes its tasks back from whoever still holds them.
    if (before != v1::STATE_READY && before != v1::STATE_RUNNING) {
      for (auto& [id, task] : tasks_) task.held = false;
    }
  }

  // However it stands, the job can be brought to its end, and the record is sound.
  void FinishJob(const std::string& job) {
    for (int i = 0; i < 20 && JobState(job) != v1::STATE_SUCCEEDED; ++i) {
      ExpireAll();
      ASSERT_TRUE(store().RetryJob(job, Soon()).ok());
      RunAll();
    }
    EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED) << Get(job).reason();
    std::map<std::string, int> succeeded;
    for (const v1::Event& event : CheckedEvents(job)) {
      if (event.state() == v1::STATE_SUCCEEDED && !event.task_key().empty())
        ++succeeded[event.task_key()];
    }
    EXPECT_EQ(succeeded.size(), 5u);
    for (const auto& [key, times] : succeeded) EXPECT_EQ(times, 1) << key << " was completed twice";
  }

  std::unique_ptr<Store> other_;
  std::map<std::string, Model> tasks_;
  int workers_ = 0;
};

TEST_F(StoreRandomTest, NothingIsLostDoubledOrStale) {
  // Quarantine and budgets would end most schedules early; their own tests have them.
  options_.max_retries = options_.max_crashes = options_.max_lost = 1000;
  const int first = FromEnvironment("FOUNDRY_STORE_SEED", 1);
  for (int seed = first; seed < first + FromEnvironment("FOUNDRY_STORE_SEEDS", 4); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    tasks_.clear();
    Schedule(seed);
    if (HasFailure()) return;
    Sql("TRUNCATE jobs, steps, tasks, heartbeats, events, metrics");
  }
}

}  // namespace
}  // namespace foundry::coordinator
