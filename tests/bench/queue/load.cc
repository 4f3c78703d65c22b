#include "tests/bench/queue/load.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/hash.h"
#include "common/config/spec.h"
#include "common/rpc/status.h"
#include "foundry/coordinator/v1/jobs.grpc.pb.h"
#include "foundry/coordinator/v1/workers.grpc.pb.h"
#include "grpcpp/grpcpp.h"

namespace foundry::bench {
namespace {

namespace v1 = coordinator::v1;

constexpr absl::Duration kCallTimeout = absl::Seconds(60);

// gRPC swallows what a callback throws, and its worker would stand still.
template <typename Key>
absl::Time TimeOf(const std::map<Key, absl::Time>& times, const Key& key) {
  const auto found = times.find(key);
  if (found != times.end()) return found->second;
  std::fprintf(stderr, "a task of %s, which this measurement did not make\n", key.c_str());
  std::exit(1);
}

void Demand(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, rpc::FromGrpc(status).ToString().c_str());
  std::exit(1);
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

std::unique_ptr<grpc::ClientContext> NewContext() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(absl::ToChronoTime(absl::Now() + kCallTimeout));
  context->set_wait_for_ready(true);
  return context;
}

v1::CreateJobRequest JobRequest(const std::string& name, int tasks) {
  // The file is on no machine, so no earlier output is used again.
  auto spec = config::ParseSpec(
      absl::StrCat("name: ", name, "\nsources: [{pdf: /nowhere/", name,
                   ".pdf}]\nsteps: [extraction]\nextraction: {shards: ", tasks, "}\n"),
      "bench.yaml", "/nowhere", {.paths_must_exist = false});
  if (!spec.ok()) {
    std::fprintf(stderr, "spec: %s\n", spec.status().ToString().c_str());
    std::exit(1);
  }
  v1::CreateJobRequest request;
  request.set_request_id(name);
  *request.mutable_spec() = *std::move(spec);
  return request;
}

// One worker. Its calls block and follow each other, as those of Foundry's workers do.
class Worker {
 public:
  struct Hooks {
    std::function<void(const v1::Lease&)> leased = [](const v1::Lease&) {};
    std::function<void(const v1::Lease&)> completing = [](const v1::Lease&) {};
    std::function<void()> completed = [] {};
  };

  Worker(const std::string& address, int index, Hooks hooks)
      : stub_(v1::WorkersService::NewStub(Connect(address))), hooks_(std::move(hooks)) {
    lease_request_.set_worker_id(absl::StrCat("bench-worker-", index));
    lease_request_.add_stages("extraction");
    lease_request_.mutable_wait_time()->set_seconds(1);
    beat_request_.set_worker_id(lease_request_.worker_id());
    beat_request_.mutable_progress()->set_done(1);
    beat_request_.mutable_progress()->set_total(2);
    complete_request_.set_worker_id(lease_request_.worker_id());
    (*complete_request_.mutable_result()->mutable_figures())["documents"] = 1;
  }

  void Run(const std::atomic<bool>& stop) {
    while (!stop) {
      v1::LeaseTaskResponse leased;
      Demand(stub_->LeaseTask(NewContext().get(), lease_request_, &leased), "LeaseTask");
      if (leased.has_lease()) Live(leased.lease());
    }
  }

 private:
  void Live(const v1::Lease& lease) {
    hooks_.leased(lease);
    beat_request_.set_task_id(lease.task_id());
    beat_request_.set_epoch(lease.epoch());
    v1::HeartbeatResponse beat;
    Demand(stub_->Heartbeat(NewContext().get(), beat_request_, &beat), "Heartbeat");
    complete_request_.set_task_id(lease.task_id());
    complete_request_.set_epoch(lease.epoch());
    // An output of its own, or a join would find its earlier output and not run.
    complete_request_.set_manifest(Sha256Hex(lease.task_id()));
    hooks_.completing(lease);
    v1::CompleteTaskResponse complete;
    Demand(stub_->CompleteTask(NewContext().get(), complete_request_, &complete), "CompleteTask");
    hooks_.completed();
  }

  const std::unique_ptr<v1::WorkersService::Stub> stub_;
  const Hooks hooks_;
  v1::LeaseTaskRequest lease_request_;
  v1::HeartbeatRequest beat_request_;
  v1::CompleteTaskRequest complete_request_;
};

// Workers that run until Stop().
class Crew {
 public:
  Crew(const std::string& address, int count, const Worker::Hooks& hooks) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, address, i, hooks] { Worker(address, i, hooks).Run(stop_); });
    }
  }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

}  // namespace

std::string CreateJob(const std::string& address, const std::string& name, int tasks) {
  const auto stub = v1::JobsService::NewStub(Connect(address));
  v1::CreateJobResponse response;
  Demand(stub->CreateJob(NewContext().get(), JobRequest(name, tasks), &response), "CreateJob");
  return response.job().job_id();
}

double MeasureLives(const std::string& address, const LivesOptions& options) {
  std::atomic<int64_t> completed{0};
  Crew crew(address, options.workers, {.completed = [&] { ++completed; }});
  absl::SleepFor(options.warmup);
  const int64_t before = completed;
  const absl::Time start = absl::Now();
  absl::SleepFor(options.duration);
  const double rate =
      static_cast<double>(completed - before) / absl::ToDoubleSeconds(absl::Now() - start);
  crew.Stop();
  return rate;
}

std::vector<double> MeasurePickup(const std::string& address, const PickupOptions& options) {
  std::mutex mutex;
  std::map<std::string, absl::Time> made;       // job's name → CreateJob was sent
  std::map<std::string, absl::Time> completed;  // job's id → its shard's CompleteTask was sent
  std::vector<double> millis;
  const absl::Time start = absl::Now() + options.warmup;
  Worker::Hooks hooks;
  hooks.leased = [&](const v1::Lease& lease) {
    const absl::Time now = absl::Now();
    std::lock_guard lock(mutex);
    const auto& extract = lease.request().extract();
    absl::Time since;
    if (extract.parts().empty()) {
      since = TimeOf(made, extract.sources(0).pdf());
    } else {
      since = TimeOf(completed, lease.job_id());
    }
    if (since >= start) millis.push_back(absl::ToDoubleMilliseconds(now - since));
  };
  hooks.completing = [&](const v1::Lease& lease) {
    std::lock_guard lock(mutex);
    completed.emplace(lease.job_id(), absl::Now());
  };
  Crew crew(address, options.workers, hooks);

  const auto stub = v1::JobsService::NewStub(Connect(address));
  struct Creation {
    std::unique_ptr<grpc::ClientContext> context = NewContext();
    v1::CreateJobRequest request;
    v1::CreateJobResponse response;
  };
  // A job of one shard has two tasks: the shard and the join.
  const absl::Duration period = absl::Seconds(2.0 / options.tasks_per_second);
  std::atomic<int> open{0};
  absl::Time next = absl::Now();
  for (int i = 0; next < start + options.duration; ++i, next += period) {
    absl::SleepFor(next - absl::Now());
    auto creation = std::make_shared<Creation>();
    creation->request = JobRequest(absl::StrCat("pickup", absl::ToUnixMicros(absl::Now())), 1);
    {
      std::lock_guard lock(mutex);
      made[creation->request.spec().sources(0).pdf()] = absl::Now();
    }
    ++open;
    stub->async()->CreateJob(creation->context.get(), &creation->request, &creation->response,
                             [creation, &open](grpc::Status status) {
                               Demand(status, "CreateJob");
                               --open;
                             });
  }
  while (open > 0) absl::SleepFor(absl::Milliseconds(10));
  absl::SleepFor(absl::Seconds(1));  // for the last tasks
  crew.Stop();
  return millis;
}

}  // namespace foundry::bench
