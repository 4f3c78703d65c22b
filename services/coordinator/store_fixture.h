// A store on a database of its own, and workers that lease and end tasks by hand.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/hash.h"
#include "common/base/steady_time.h"
#include "common/testing/private_postgres.h"
#include "gtest/gtest.h"
#include "services/coordinator/store.h"
#include "services/coordinator/testing/by_hand.h"

namespace foundry::coordinator {

inline absl::Time Soon() { return SteadyNow() + absl::Seconds(20); }

class StoreFixture : public ::testing::Test {
 protected:
  StoreFixture() : info_(foundry::testing::PrivatePostgres::Shared().NewDatabase()) {
    options_.database.connection_info = info_;
    options_.first_backoff = absl::ZeroDuration();
  }

  Store& store() {
    if (store_ == nullptr) store_ = NewStore();
    return *store_;
  }
  // Another coordinator on the same database.
  std::unique_ptr<Store> NewStore() {
    auto store = Store::Open(options_);
    EXPECT_TRUE(store.ok()) << store.status();
    return std::move(store).value();
  }

  static InputFacts Facts() {
    return {.hashes = {{"/data/docs", "d1"}}, .pairs_need_targets = false};
  }

  std::string Create(const std::string& request_id, const pipeline::v1::PipelineSpec& spec,
                     const InputFacts& facts = {}) {
    auto job = store().CreateJob(request_id, spec, facts, Soon());
    EXPECT_TRUE(job.ok()) << job.status();
    return job.value_or("");
  }
  // An extraction of so many shards and their join. `settings`: further lines of the spec.
  std::string CreateWith(const std::string& name, const std::string& settings, int shards = 10) {
    return Create(name, SpecOf(absl::StrCat("name: ", name, "\n", settings,
                                            "sources: [{pdf: docs}]\nsteps: [extraction]\n"
                                            "extraction: {shards: ",
                                            shards, "}\n")));
  }

  std::vector<GrantedLease> LeaseMany(int count, const std::string& worker = "w") {
    LeaseQuery query{.stages = EveryStage()};
    for (int i = 0; i < count; ++i) query.worker_ids.push_back(absl::StrCat(worker, i));
    auto leases = store().Lease(query, Soon());
    EXPECT_TRUE(leases.ok()) << leases.status();
    return leases.value_or(std::vector<GrantedLease>{});
  }
  // The next task; its task_id is empty when there is none.
  GrantedLease LeaseOne(const std::string& worker = "w") {
    auto leases = LeaseMany(1, worker);
    return leases.empty() ? GrantedLease{} : leases[0];
  }

  static v1::CompleteTaskRequest Completion(const GrantedLease& grant, double score = 0.5) {
    auto request = RequestFor<v1::CompleteTaskRequest>(grant);
    request.set_manifest(Sha256Hex(grant.lease.key()));
    (*request.mutable_result()->mutable_figures())["dev_contains"] = score;
    return request;
  }
  absl::Status Complete(const GrantedLease& grant) {
    return store().Complete(Completion(grant), Soon());
  }
  absl::Status Fail(const GrantedLease& grant, bool retryable,
                    const std::string& message = "broken") {
    auto request = RequestFor<v1::FailTaskRequest>(grant);
    request.set_retryable(retryable);
    request.set_message(message);
    return store().Fail(request, Soon());
  }
  absl::Status Release(const GrantedLease& grant) { return store().Release(KeyOf(grant), Soon()); }
  absl::StatusOr<bool> Beat(const GrantedLease& grant) {
    return store().Heartbeat(RequestFor<v1::HeartbeatRequest>(grant), Soon());
  }
  // Lets every lease run out, without waiting.
  void ExpireAll() {
    Sql("UPDATE heartbeats SET lease_until = clock_timestamp() - interval '1 second'");
    auto expired = store().ExpireLeases(Soon());
    EXPECT_TRUE(expired.ok()) << expired.status();
  }
  void Sql(const std::string& sql) {
    Database database({.connection_info = info_});
    const absl::Status status = database.Transact("test", Soon(), [&](pqxx::work& work) {
      work.exec(sql);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
  }

  // Runs what there is to run; answers the keys in order.
  std::vector<std::string> RunAll() {
    std::vector<std::string> keys;
    for (GrantedLease grant = LeaseOne(); grant.lease.epoch() != 0; grant = LeaseOne()) {
      keys.push_back(grant.lease.key());
      const absl::Status status = Complete(grant);
      EXPECT_TRUE(status.ok()) << status;
      if (!status.ok()) break;
    }
    return keys;
  }

  v1::Job Get(const std::string& job_id) {
    auto job = store().GetJob(job_id, Soon());
    EXPECT_TRUE(job.ok()) << job.status();
    return job.value_or(v1::Job());
  }
  State JobState(const std::string& job_id) { return Get(job_id).state(); }
  static v1::Step StepOf(const v1::Job& job, const std::string& name) {
    for (const v1::Step& step : job.steps()) {
      if (step.name() == name) return step;
    }
    ADD_FAILURE() << "no step " << name;
    return {};
  }
  v1::Task TaskOf(const std::string& job_id, const std::string& step, const std::string& key) {
    const v1::Step found = StepOf(Get(job_id), step);
    for (const v1::Task& task : found.tasks()) {
      if (task.key() == key) return task;
    }
    ADD_FAILURE() << "no task " << key;
    return {};
  }
  // Numbers count from 1 without gaps; answers the events.
  std::vector<v1::Event> CheckedEvents(const std::string& job_id) {
    auto events = store().Events(job_id, 0, 100000, Soon());
    EXPECT_TRUE(events.ok()) << events.status();
    for (size_t i = 0; i < events->size(); ++i) EXPECT_EQ((*events)[i].event_id(), int64_t(i) + 1);
    EXPECT_EQ(Get(job_id).last_event_id(), static_cast<int64_t>(events->size()));
    return *std::move(events);
  }

  const std::string info_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

}  // namespace foundry::coordinator
