// Random schedules against both stores. A failing seed is in the message.
//
//   FOUNDRY_SIMULATION_SCHEDULES=1000000 build/dev/tests/coordinator_simulation_test
//       --gtest_filter='*InMemory'                     a million of each kind, on all processors
//   FOUNDRY_SIMULATION_SEED=N …                        from this seed on
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/coordinator/testing/simulation.h"

namespace foundry::coordinator {
namespace {

int64_t FromEnvironment(const char* name, int64_t fallback) {
  int64_t value = 0;
  const char* text = getenv(name);
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : fallback;
}
int64_t FirstSeed() { return FromEnvironment("FOUNDRY_SIMULATION_SEED", 1); }

std::string Lines(const History& history) {
  std::string text;
  for (const Call& call : history.calls) absl::StrAppend(&text, Describe(call), "\n");
  return text;
}

// Passes every call on, but writes a worker's result under whatever lease the task has now.
class UnfencedStore : public TaskStore {
 public:
  UnfencedStore(TaskStore* store, std::map<std::string, GrantedLease>* latest)
      : store_(store), latest_(latest) {}

  absl::StatusOr<std::string> CreateJob(const std::string& request_id,
                                        const pipeline::v1::PipelineSpec& spec,
                                        const InputFacts& facts) override {
    return store_->CreateJob(request_id, spec, facts);
  }
  absl::Status CancelJob(const std::string& job_id, const std::string& reason) override {
    return store_->CancelJob(job_id, reason);
  }
  absl::Status RetryJob(const std::string& job_id) override { return store_->RetryJob(job_id); }
  absl::StatusOr<v1::Job> GetJob(const std::string& job_id) override {
    return store_->GetJob(job_id);
  }
  absl::StatusOr<std::vector<v1::Event>> Events(const std::string& job_id) override {
    return store_->Events(job_id);
  }
  absl::StatusOr<std::vector<GrantedLease>> Lease(const LeaseQuery& query) override {
    auto granted = store_->Lease(query);
    if (granted.ok()) {
      for (const GrantedLease& grant : *granted) (*latest_)[grant.lease.task_id()] = grant;
    }
    return granted;
  }
  absl::StatusOr<bool> Heartbeat(const v1::HeartbeatRequest& request) override {
    return store_->Heartbeat(request);
  }
  absl::Status Complete(const v1::CompleteTaskRequest& request) override {
    v1::CompleteTaskRequest unfenced = request;
    const GrantedLease& latest = latest_->at(request.task_id());
    unfenced.set_epoch(latest.lease.epoch());
    unfenced.set_worker_id(latest.worker_id);
    return store_->Complete(unfenced);
  }
  absl::Status Fail(const v1::FailTaskRequest& request) override { return store_->Fail(request); }
  absl::Status Release(const LeaseKey& key) override { return store_->Release(key); }
  absl::StatusOr<Gathered> Gather(const LeaseQuery& query, Store::GangTurn turn) override {
    auto gathered = store_->Gather(query, turn);
    if (gathered.ok()) {
      for (const GrantedLease& grant : gathered->granted) {
        if (grant.lease.seat().first_rank() == 0) (*latest_)[grant.lease.task_id()] = grant;
      }
    }
    return gathered;
  }
  absl::Status OpenMeeting(const v1::OpenMeetingRequest& request) override {
    return store_->OpenMeeting(request);
  }
  absl::StatusOr<v1::HeartbeatSeatResponse> HeartbeatSeat(const LeaseKey& key) override {
    return store_->HeartbeatSeat(key);
  }
  absl::Status LeaveSeat(const v1::LeaveSeatRequest& request) override {
    return store_->LeaveSeat(request);
  }
  absl::Status RegisterCheckpoint(const LeaseKey& key, const std::string& manifest) override {
    const GrantedLease& latest = latest_->at(key.task_id);
    return store_->RegisterCheckpoint({key.task_id, latest.worker_id, latest.lease.epoch()},
                                      manifest);
  }
  absl::StatusOr<int> ExpireLeases() override { return store_->ExpireLeases(); }

 private:
  TaskStore* const store_;
  std::map<std::string, GrantedLease>* const latest_;
};

class UnfencedWorld : public StoreWorld {
 public:
  explicit UnfencedWorld(std::unique_ptr<StoreWorld> world) : world_(std::move(world)) {
    for (int i = 0; i < world_->coordinators(); ++i) {
      stores_.push_back(std::make_unique<UnfencedStore>(&world_->store(i), &latest_));
    }
  }
  TaskStore& store(int coordinator) override { return *stores_[coordinator]; }
  int coordinators() const override { return world_->coordinators(); }
  void Restart(int) override {}
  void Advance(absl::Duration duration) override { world_->Advance(duration); }

 private:
  std::unique_ptr<StoreWorld> world_;
  std::map<std::string, GrantedLease> latest_;
  std::vector<std::unique_ptr<UnfencedStore>> stores_;
};

// How many calls of each kind were refused.
std::map<CallKind, int64_t> RunInMemory(bool gangs, int64_t schedules) {
  const int64_t first = FirstSeed();
  const int64_t end = first + FromEnvironment("FOUNDRY_SIMULATION_SCHEDULES", schedules);
  std::atomic<int64_t> next{first};
  std::mutex mutex;
  std::string found;                 // guarded by mutex
  std::map<CallKind, int64_t> seen;  // accepted, refused; guarded by mutex
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&] {
      std::map<CallKind, int64_t> mine;
      for (int64_t seed; (seed = next++) < end;) {
        const auto world = NewMemoryWorld(SimulatedStoreOptions());
        const History history =
            Simulate({.seed = static_cast<uint64_t>(seed), .gangs = gangs}, *world);
        for (const Call& call : history.calls) mine[call.kind] += !call.accepted;
        const auto violations = CheckHistory(history);
        if (violations.empty()) continue;
        next = end;
        std::lock_guard lock(mutex);
        found = absl::StrCat("seed ", seed, "\n", Describe(violations), Lines(history));
      }
      std::lock_guard lock(mutex);
      for (const auto& [kind, count] : mine) seen[kind] += count;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found, "");
  return seen;
}

TEST(SimulationTest, NothingIsLostStaleDoubledOrEndlessInMemory) {
  auto refused = RunInMemory(/*gangs=*/false, 20'000);
  // The schedules are worth their time: each kind of write met its refusal.
  for (CallKind kind :
       {CallKind::kHeartbeat, CallKind::kComplete, CallKind::kFail, CallKind::kRelease}) {
    EXPECT_GT(refused[kind], 0);
  }
}

TEST(SimulationTest, GangsHaveOneLeaderAndNoPastInMemory) {
  auto refused = RunInMemory(/*gangs=*/true, 10'000);
  for (CallKind kind : {CallKind::kHeartbeat, CallKind::kComplete, CallKind::kSeatBeat,
                        CallKind::kLeave, CallKind::kOpen, CallKind::kKeep}) {
    EXPECT_GT(refused[kind], 0);
  }
}

int64_t PostgresSchedules() { return FromEnvironment("FOUNDRY_SIMULATION_POSTGRES_SCHEDULES", 8); }

class PostgresSimulationTest : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(WithGangs, PostgresSimulationTest, ::testing::Bool());

TEST_P(PostgresSimulationTest, NothingIsLostStaleDoubledOrEndless) {
  const int64_t first = FirstSeed();
  for (int64_t seed = first; seed < first + PostgresSchedules(); ++seed) {
    const auto world = NewPostgresWorld(SimulatedStoreOptions());
    const History history =
        Simulate({.seed = static_cast<uint64_t>(seed), .gangs = GetParam()}, *world);
    ASSERT_EQ(Describe(CheckHistory(history)), "") << "seed " << seed << "\n" << Lines(history);
  }
}

// Whatever the PostgreSQL store accepts and refuses, the one in memory does, and the other way
// round. With one job: which of several comes first is each store's own affair.
TEST_P(PostgresSimulationTest, AgreesWithMemoryCallByCall) {
  const int64_t first = FirstSeed();
  for (int64_t seed = first; seed < first + PostgresSchedules(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const SimulationOptions options{
        .seed = static_cast<uint64_t>(seed), .jobs = 1, .gangs = GetParam()};
    const auto memory = NewMemoryWorld(SimulatedStoreOptions());
    const History expected = Simulate(options, *memory);
    const auto postgres = NewPostgresWorld(SimulatedStoreOptions());
    const History history = Simulate(options, *postgres);
    EXPECT_EQ(Describe(CheckHistory(history)), "");
    EXPECT_EQ(Lines(history), Lines(expected));
    ASSERT_EQ(history.records.size(), expected.records.size());
    for (size_t i = 0; i < history.records.size(); ++i) {
      EXPECT_EQ(history.records[i].view.state(), expected.records[i].view.state());
    }
    if (HasFailure()) return;
  }
}

TEST_P(PostgresSimulationTest, FindsAStoreWithoutFencing) {
  for (const WorldFactory& factory :
       {WorldFactory(NewMemoryWorld), WorldFactory(NewPostgresWorld)}) {
    bool found = false;
    for (uint64_t seed = 1; seed <= 10 && !found; ++seed) {
      UnfencedWorld world(factory(SimulatedStoreOptions()));
      const History history = Simulate({.seed = seed, .gangs = GetParam()}, world);
      for (const Violation& violation : CheckHistory(history)) {
        found |= violation.problem == Problem::kStale;
      }
    }
    EXPECT_TRUE(found);
  }
}

}  // namespace
}  // namespace foundry::coordinator
