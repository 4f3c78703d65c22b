// Every store under test, and workers that lease and end its tasks by hand.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/hash.h"
#include "gtest/gtest.h"
#include "services/coordinator/testing/by_hand.h"
#include "services/coordinator/testing/history.h"
#include "services/coordinator/testing/task_store.h"

namespace foundry::coordinator {

inline constexpr absl::Duration kLease = absl::Hours(1);

struct StoreKind {
  const char* name;
  std::unique_ptr<StoreWorld> (*make)(const StoreOptions&);
};

class ConformanceTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  ConformanceTest() {
    options_.lease = kLease;
    options_.first_backoff = absl::ZeroDuration();
  }

  StoreWorld& world() {
    if (world_ == nullptr) world_ = GetParam().make(options_);
    return *world_;
  }
  TaskStore& store() { return world().store(0); }

  static InputFacts Facts(const std::string& hash = "d1") {
    return {.hashes = {{"/data/docs", hash}}, .pairs_need_targets = false};
  }
  std::string Create(const std::string& request_id,
                     const pipeline::v1::PipelineSpec& spec = SmallSpec(),
                     const InputFacts& facts = {}) {
    auto job = store().CreateJob(request_id, spec, facts);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.value_or("");
  }

  std::vector<GrantedLease> LeaseMany(int count, bool has_gpu = false) {
    LeaseQuery query{.stages = EveryStage(), .has_gpu = has_gpu};
    for (int i = 0; i < count; ++i) query.worker_ids.push_back(absl::StrCat("w", ++workers_));
    auto leases = store().Lease(query);
    EXPECT_TRUE(leases.ok()) << leases.status();
    return leases.value_or(std::vector<GrantedLease>{});
  }
  // The next task; its epoch is 0 when there is none.
  GrantedLease LeaseOne() {
    auto leases = LeaseMany(1);
    return leases.empty() ? GrantedLease{} : leases[0];
  }
  absl::Status Complete(const GrantedLease& grant, const std::string& content = "") {
    auto request = RequestFor<v1::CompleteTaskRequest>(grant);
    const std::string hash = Sha256Hex(absl::StrCat(grant.lease.key(), content));
    request.set_manifest(hash);
    request.mutable_result()->mutable_manifest()->add_artifacts()->set_sha256(hash);
    return store().Complete(request);
  }
  absl::Status Fail(const GrantedLease& grant, bool retryable) {
    auto request = RequestFor<v1::FailTaskRequest>(grant);
    request.set_retryable(retryable);
    request.set_message("broken");
    return store().Fail(request);
  }
  absl::Status Release(const GrantedLease& grant) { return store().Release(KeyOf(grant)); }
  absl::StatusOr<bool> Beat(const GrantedLease& grant) {
    return store().Heartbeat(RequestFor<v1::HeartbeatRequest>(grant));
  }
  // Time passes; leases that were not renewed end.
  int Pass(absl::Duration duration) {
    world().Advance(duration);
    return store().ExpireLeases().value_or(-1);
  }
  void ExpireAll() { Pass(kLease + absl::Minutes(1)); }

  // Runs what there is to run; answers the keys in order.
  std::vector<std::string> RunAll(const std::string& content = "") {
    std::vector<std::string> keys;
    for (GrantedLease grant = LeaseOne(); grant.lease.epoch() != 0; grant = LeaseOne()) {
      keys.push_back(grant.lease.key());
      const absl::Status status = Complete(grant, content);
      EXPECT_TRUE(status.ok()) << status;
      if (!status.ok()) break;
    }
    return keys;
  }

  v1::Job Get(const std::string& job_id) {
    auto job = store().GetJob(job_id);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.value_or(v1::Job());
  }
  State JobState(const std::string& job_id) { return Get(job_id).state(); }
  v1::Task TaskOf(const std::string& job_id, const std::string& key) {
    const v1::Job job = Get(job_id);
    for (const v1::Step& step : job.steps()) {
      for (const v1::Task& task : step.tasks()) {
        if (task.key() == key) return task;
      }
    }
    ADD_FAILURE() << "no task " << key;
    return {};
  }
  // The record of a job is sound.
  void ExpectSound(const std::string& job_id, const InputFacts& facts = {}) {
    auto events = store().Events(job_id);
    ASSERT_TRUE(events.ok()) << events.status();
    const Record record{job_id, Get(job_id), *std::move(events), facts};
    EXPECT_EQ(Describe(CheckRecord(record)), "");
  }
  static void ExpectStale(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(status), "STALE_LEASE");
  }

  StoreOptions options_;
  std::unique_ptr<StoreWorld> world_;
  int workers_ = 0;
};

inline const auto kEveryStore =
    ::testing::Values(StoreKind{"memory", NewMemoryWorld}, StoreKind{"postgres", NewPostgresWorld});
inline std::string NameOfStore(const ::testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

}  // namespace foundry::coordinator
