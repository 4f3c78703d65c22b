// Two Stores on one database, and time that passes by moving what is written there into the past.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/steady_time.h"
#include "common/testing/private_postgres.h"
#include "services/coordinator/testing/task_store.h"

namespace foundry::coordinator {
namespace {

// A test can do nothing without it.
void Demand(const absl::Status& status) {
  if (status.ok()) return;
  fprintf(stderr, "%s\n", status.ToString().c_str());
  abort();
}

absl::Time Soon() { return SteadyNow() + absl::Seconds(60); }

class PostgresStore : public TaskStore {
 public:
  explicit PostgresStore(const StoreOptions& options) {
    auto store = Store::Open(options);
    Demand(store.status());
    store_ = *std::move(store);
  }

  absl::StatusOr<std::string> CreateJob(const std::string& request_id,
                                        const pipeline::v1::PipelineSpec& spec,
                                        const InputFacts& facts) override {
    return store_->CreateJob(request_id, spec, facts, Soon());
  }
  absl::Status CancelJob(const std::string& job_id, const std::string& reason) override {
    return store_->CancelJob(job_id, reason, Soon());
  }
  absl::Status RetryJob(const std::string& job_id) override {
    return store_->RetryJob(job_id, Soon());
  }
  absl::StatusOr<v1::Job> GetJob(const std::string& job_id) override {
    return store_->GetJob(job_id, Soon());
  }
  absl::StatusOr<std::vector<v1::Event>> Events(const std::string& job_id) override {
    return store_->Events(job_id, 0, 1'000'000, Soon());
  }
  absl::StatusOr<std::vector<GrantedLease>> Lease(const LeaseQuery& query) override {
    return store_->Lease(query, Soon());
  }
  absl::StatusOr<bool> Heartbeat(const v1::HeartbeatRequest& request) override {
    return store_->Heartbeat(request, Soon());
  }
  absl::Status Complete(const v1::CompleteTaskRequest& request) override {
    // As the write queue does.
    const auto outcome = store_->CompleteSome({&request}, Soon())[0];
    return outcome.has_value() ? *outcome : store_->Complete(request, Soon());
  }
  absl::Status Fail(const v1::FailTaskRequest& request) override {
    return store_->Fail(request, Soon());
  }
  absl::Status Release(const LeaseKey& key) override { return store_->Release(key, Soon()); }
  absl::StatusOr<Gathered> Gather(const LeaseQuery& query, Store::GangTurn turn) override {
    auto gathered = store_->Gather(query, turn, Soon());
    if (!gathered.ok()) return gathered;
    // The start of a gang is its leader's.
    for (const GrantedLease& grant : gathered->granted) {
      if (grant.lease.seat().first_rank() == 0) Demand(store_->RecordStarts({grant}, Soon()));
    }
    return gathered;
  }
  absl::Status OpenMeeting(const v1::OpenMeetingRequest& request) override {
    return store_->OpenMeeting(request, Soon());
  }
  absl::StatusOr<v1::HeartbeatSeatResponse> HeartbeatSeat(const LeaseKey& key) override {
    return store_->HeartbeatSeat(key, Soon());
  }
  absl::Status LeaveSeat(const v1::LeaveSeatRequest& request) override {
    return store_->LeaveSeat(request, Soon());
  }
  absl::Status RegisterCheckpoint(const LeaseKey& key, const std::string& manifest) override {
    return store_->RegisterCheckpoint(key, manifest, Soon());
  }
  absl::StatusOr<int> ExpireLeases() override { return store_->ExpireLeases(Soon()); }

 private:
  std::unique_ptr<Store> store_;
};

class PostgresWorld : public StoreWorld {
 public:
  explicit PostgresWorld(StoreOptions options) : options_(std::move(options)) {
    options_.database.connection_info = foundry::testing::PrivatePostgres::Shared().NewDatabase();
    options_.database.connections = 2;
    options_.shares_age = absl::ZeroDuration();
    for (auto& store : stores_) store = std::make_unique<PostgresStore>(options_);
  }

  TaskStore& store(int coordinator) override { return *stores_[coordinator]; }
  int coordinators() const override { return static_cast<int>(std::size(stores_)); }
  void Restart(int coordinator) override {
    stores_[coordinator].reset();
    stores_[coordinator] = std::make_unique<PostgresStore>(options_);
  }
  void Advance(absl::Duration duration) override {
    const std::string seconds = absl::StrCat("interval '", absl::ToInt64Seconds(duration), " s'");
    Database database({.connection_info = options_.database.connection_info});
    Demand(database.Transact("test", Soon(), [&](pqxx::work& work) {
      work.exec(absl::StrCat("UPDATE heartbeats SET lease_until = lease_until - ", seconds));
      work.exec(absl::StrCat("UPDATE seats SET lease_until = lease_until - ", seconds));
      work.exec(absl::StrCat("UPDATE gangs SET gathering_since = gathering_since - ", seconds,
                             ", hold_after = hold_after - ", seconds));
      work.exec(
          absl::StrCat("UPDATE tasks SET not_before = not_before - ", seconds, " WHERE state = 2"));
      return absl::OkStatus();
    }));
  }

 private:
  StoreOptions options_;
  std::unique_ptr<PostgresStore> stores_[2];
};

}  // namespace

std::unique_ptr<StoreWorld> NewPostgresWorld(const StoreOptions& options) {
  return std::make_unique<PostgresWorld>(options);
}

}  // namespace foundry::coordinator
