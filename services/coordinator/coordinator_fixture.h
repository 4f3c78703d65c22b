// The real foundry-coordinator as a process that tests may kill, and clients of it.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/steady_time.h"
#include "common/config/spec.h"
#include "common/rpc/channel.h"
#include "common/storage/artifact_store.h"
#include "common/storage/manifest.h"
#include "common/testing/private_postgres.h"
#include "foundry/coordinator/v1/jobs.grpc.pb.h"
#include "foundry/coordinator/v1/workers.grpc.pb.h"
#include "gtest/gtest.h"

extern char** environ;

namespace foundry::coordinator {

// One coordinator process on a Unix socket. Ends with SIGKILL in the destructor.
class CoordinatorProcess {
 public:
  CoordinatorProcess(const std::string& database, const std::filesystem::path& folder,
                     const std::string& name)
      : database_(database),
        folder_(folder),
        listen_(absl::StrCat("unix:", (folder / name).string())) {
    Start();
    channel_ = rpc::Channel::Open({.address = listen_}).value();
    jobs = v1::JobsService::NewStub(channel_->grpc_channel());
    workers = v1::WorkersService::NewStub(channel_->grpc_channel());
    EXPECT_TRUE(channel_->WaitUntilConnected(absl::Seconds(30)));
  }
  ~CoordinatorProcess() { Signal(SIGKILL); }

  void Start() {
    const std::string program = absl::StrCat(getenv("FOUNDRY_BIN_DIR"), "/foundry-coordinator");
    std::vector<std::string> arguments = {
        program, absl::StrCat("--database=", database_), absl::StrCat("--listen=", listen_),
        absl::StrCat("--artifacts=", (folder_ / "artifacts").string()), "--log-level=warning"};
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    ASSERT_EQ(posix_spawn(&pid_, program.c_str(), nullptr, nullptr, pointers.data(), environ), 0);
  }
  // Answers the exit status once it has ended.
  int Signal(int signal) {
    if (pid_ == 0) return 0;
    kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }
  void Crash() { Signal(SIGKILL); }

  // A unary call; repeated while the coordinator cannot be reached, as real clients do.
  template <typename Call>
  absl::Status Invoke(Call&& call, absl::Duration timeout = absl::Seconds(20)) {
    const absl::Time give_up = SteadyNow() + timeout;
    for (;;) {
      const absl::Status status = channel_->Invoke(absl::Seconds(10), call);
      if (!absl::IsUnavailable(status) || SteadyNow() > give_up) return status;
      absl::SleepFor(absl::Milliseconds(20));
    }
  }
  const rpc::Channel& channel() const { return *channel_; }

  std::unique_ptr<v1::JobsService::Stub> jobs;
  std::unique_ptr<v1::WorkersService::Stub> workers;

 private:
  const std::string database_;
  const std::filesystem::path folder_;
  const std::string listen_;
  std::unique_ptr<rpc::Channel> channel_;
  pid_t pid_ = 0;
};

class CoordinatorFixture : public ::testing::Test {
 protected:
  CoordinatorFixture()
      : database_(foundry::testing::PrivatePostgres::Shared().NewDatabase()),
        folder_(TempFolder::Make().value()),
        artifacts_(storage::OpenStore(folder_.path() / "artifacts").value()) {
    // Two shards of extraction and their join.
    std::filesystem::create_directories(folder_.path() / "docs");
    EXPECT_TRUE(WriteFileAtomic(folder_.path() / "docs/a.pdf", "x").ok());
    spec_ = config::ParseSpec(
                "name: t\nsources: [{pdf: docs}]\nsteps: [extraction]\nextraction: {shards: 2}\n"
                "output_dir: Output\n",
                "test.yaml", folder_.path(), {})
                .value();
  }

  std::unique_ptr<CoordinatorProcess> Coordinator(const std::string& name) {
    return std::make_unique<CoordinatorProcess>(database_, folder_.path(), name);
  }

  absl::StatusOr<v1::Job> Create(CoordinatorProcess& coordinator, const std::string& request_id) {
    v1::CreateJobRequest request;
    request.set_request_id(request_id);
    *request.mutable_spec() = spec_;
    v1::CreateJobResponse response;
    const absl::Status status = coordinator.Invoke([&](grpc::ClientContext* context) {
      return coordinator.jobs->CreateJob(context, request, &response);
    });
    if (!status.ok()) return status;
    return response.job();
  }
  v1::Job Get(CoordinatorProcess& coordinator, const std::string& job_id) {
    v1::GetJobRequest request;
    request.set_job_id(job_id);
    v1::GetJobResponse response;
    const absl::Status status = coordinator.Invoke([&](grpc::ClientContext* context) {
      return coordinator.jobs->GetJob(context, request, &response);
    });
    EXPECT_TRUE(status.ok()) << status;
    return response.job();
  }
  // Reads the stream until the job ends, over restarts; answers the last snapshot.
  v1::Job WatchToEnd(CoordinatorProcess& coordinator, const std::string& job_id,
                     std::vector<v1::Event>* events) {
    v1::Job last;
    const absl::Time give_up = SteadyNow() + absl::Seconds(60);
    while (SteadyNow() < give_up) {
      grpc::ClientContext context;
      coordinator.channel().Prepare(absl::Seconds(30), &context);
      context.set_wait_for_ready(true);
      v1::WatchJobRequest request;
      request.set_job_id(job_id);
      request.set_after_event_id(events->empty() ? 0 : events->back().event_id());
      auto stream = coordinator.jobs->WatchJob(&context, request);
      for (v1::WatchJobResponse response; stream->Read(&response);) {
        if (response.has_snapshot()) last = response.snapshot();
        if (response.has_event()) events->push_back(response.event());
      }
      if (stream->Finish().ok()) return last;
    }
    ADD_FAILURE() << "the job did not end";
    return last;
  }
  absl::StatusOr<v1::Lease> Lease(CoordinatorProcess& coordinator, const std::string& worker,
                                  absl::Duration wait = absl::Milliseconds(300)) {
    v1::LeaseTaskRequest request;
    request.set_worker_id(worker);
    for (const char* stage : {"extraction", "teacher"}) request.add_stages(stage);
    request.mutable_wait_time()->set_seconds(absl::ToInt64Seconds(wait));
    request.mutable_wait_time()->set_nanos(absl::ToInt64Nanoseconds(wait % absl::Seconds(1)));
    v1::LeaseTaskResponse response;
    const absl::Status status = coordinator.Invoke([&](grpc::ClientContext* context) {
      return coordinator.workers->LeaseTask(context, request, &response);
    });
    if (!status.ok()) return status;
    return response.lease();
  }
  absl::Status Complete(CoordinatorProcess& coordinator, const std::string& worker,
                        const v1::Lease& lease) {
    v1::CompleteTaskRequest request;
    request.set_worker_id(worker);
    request.set_task_id(lease.task_id());
    request.set_epoch(lease.epoch());
    request.set_manifest(StoreOutput(lease));
    v1::CompleteTaskResponse response;
    return coordinator.Invoke([&](grpc::ClientContext* context) {
      return coordinator.workers->CompleteTask(context, request, &response);
    });
  }
  // A worker's turn: the next task, if there is one, is completed, and `done` with its key called.
  std::function<void(const std::string& worker)> Completing(
      CoordinatorProcess& leases_from, CoordinatorProcess& completes_at,
      std::function<void(const std::string& key)> done = [](const std::string&) {}) {
    return [this, &leases_from, &completes_at, done](const std::string& worker) {
      const auto lease = Lease(leases_from, worker);
      if (!lease.ok() || lease->epoch() == 0) return;
      const absl::Status status = Complete(completes_at, worker, *lease);
      EXPECT_TRUE(status.ok()) << status;
      done(lease->key());
    };
  }
  // What a worker would store: documents.jsonl that names its task.
  std::string StoreOutput(const v1::Lease& lease) {
    const TempFolder made = TempFolder::Make(folder_.path()).value();
    EXPECT_TRUE(WriteFileAtomic(made.path() / "documents.jsonl", lease.key() + "\n").ok());
    auto stored = storage::PutFolder(made.path(), artifacts_.get());
    EXPECT_TRUE(stored.ok()) << stored.status();
    return stored->sha256;
  }

  const std::string database_;
  TempFolder folder_;
  std::unique_ptr<storage::ArtifactStore> artifacts_;
  pipeline::v1::PipelineSpec spec_;
};

}  // namespace foundry::coordinator
