#include "common/worker/stage_process.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/parent.h"
#include "common/base/secret.h"
#include "common/base/status.h"
#include "common/rpc/server.h"
#include "common/rpc/termination.h"
#include "common/storage/artifact_store.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"
#include "common/worker/process_flags.h"
#include "common/worker/stage_door.h"
#include "common/worker/worker_loop.h"

namespace foundry::worker {
namespace {

constexpr absl::Duration kDrainLimit = absl::Seconds(25);
// Direct calls are cancelled after this, which leaves them time to end.
constexpr absl::Duration kCallGrace = absl::Seconds(10);

// Everything that a running process owns, in the order in which it may go away (last first).
class Process {
 public:
  absl::Status Start(const ProcessFlags& flags, const std::vector<StageFactory>& stages) {
    if (flags.metrics_port >= 0) {
      FOUNDRY_ASSIGN_OR_RETURN(
          metrics_server_,
          telemetry::MetricsServer::Start(
              absl::StrCat(flags.metrics_listen, ":", flags.metrics_port), &metrics_));
    }
    if (!flags.artifacts.empty()) {
      FOUNDRY_ASSIGN_OR_RETURN(store_, storage::OpenStore(flags.artifacts));
    }
    FOUNDRY_ASSIGN_OR_RETURN(files_, WorkFolder::Open(flags.work_dir, store_.get()));
    runner_.files = files_.get();
    runner_.metrics = &metrics_;
    for (const StageFactory& stage : stages) {
      if (std::count(flags.stages.begin(), flags.stages.end(), stage.name) > 0) {
        runner_.stages.push_back(stage.make());
      }
    }
    if (!flags.listen.empty()) FOUNDRY_RETURN_IF_ERROR(Listen(flags));
    if (!flags.coordinator.empty()) FOUNDRY_RETURN_IF_ERROR(Work(flags));
    telemetry::LogInfo("ready",
                       {{"stages", absl::StrJoin(flags.stages, ",")},
                        {"listen", server_ == nullptr ? "" : server_->address()},
                        {"metrics", metrics_server_ == nullptr ? "" : metrics_server_->address()},
                        {"worker", loop_ == nullptr ? "" : loop_->worker_id()}});
    return absl::OkStatus();
  }

  // NOT_SERVING, then no more leases, then the running work, then the server.
  void Drain() {
    if (server_ != nullptr) server_->SetServing(false);
    if (loop_ != nullptr) loop_->Drain();
    if (server_ != nullptr) server_->Shutdown(kCallGrace);
  }

 private:
  absl::Status Listen(const ProcessFlags& flags) {
    rpc::FrameOptions frame;
    FOUNDRY_ASSIGN_OR_RETURN(frame.token, ReadSecret(flags.token));
    frame_ = std::make_unique<rpc::Frame>(frame, &metrics_);
    door_ =
        std::make_unique<StageDoor>(StageDoorOptions{.slots = flags.slots}, frame_.get(), &runner_);
    services_ = MakeStageServices(runner_, door_.get());
    std::vector<grpc::Service*> services;
    for (const auto& service : services_) services.push_back(service.get());
    FOUNDRY_ASSIGN_OR_RETURN(server_, rpc::Server::Start({.listen = flags.listen,
                                                          .tls_cert_file = flags.tls_cert,
                                                          .tls_key_file = flags.tls_key,
                                                          .tls_client_ca_file = flags.tls_client_ca,
                                                          .insecure = flags.insecure},
                                                         services, frame_.get()));
    return absl::OkStatus();
  }

  absl::Status Work(const ProcessFlags& flags) {
    rpc::ChannelOptions options;
    options.address = flags.coordinator;
    options.tls_ca_file = flags.coordinator_ca;
    FOUNDRY_ASSIGN_OR_RETURN(options.token, ReadSecret(flags.coordinator_token));
    FOUNDRY_ASSIGN_OR_RETURN(channel_, rpc::Channel::Open(options));
    WorkerOptions worker;
    worker.slots = flags.slots;
    worker.has_gpu = flags.has_gpu;
    worker.devices = flags.devices;
    worker.rank_address = flags.rank_address;
    worker.state_period = absl::Seconds(flags.state_seconds);
    loop_ = std::make_unique<WorkerLoop>(worker, &runner_, channel_.get(), store_.get());
    return absl::OkStatus();
  }

  telemetry::Metrics metrics_;
  std::unique_ptr<telemetry::MetricsServer> metrics_server_;
  std::unique_ptr<storage::ArtifactStore> store_;
  std::unique_ptr<WorkFolder> files_;
  StageRunner runner_;
  std::unique_ptr<rpc::Frame> frame_;
  std::unique_ptr<StageDoor> door_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<rpc::Channel> channel_;
  std::unique_ptr<WorkerLoop> loop_;
};

// Ends the process when draining takes too long: leases run out, and others take the tasks.
void EndAfter(absl::Duration limit) {
  std::thread([limit] {
    CancelToken().WaitFor(limit);
    telemetry::LogError("draining took too long: ending at once");
    _exit(1);
  }).detach();
}

// Everything is drained and on disk: what destructors would still do is wait two seconds for the
// HTTP server's threads.
[[noreturn]] void End(int code) {
  fflush(nullptr);
  _exit(code);
}

}  // namespace

int RunStageProcess(int argc, char** argv, const std::string& program,
                    const std::vector<StageFactory>& stages) {
  EndWithParent();
  std::vector<std::string> names;
  for (const StageFactory& stage : stages) names.push_back(stage.name);
  const ParsedFlags parsed = ParseProcessFlags(argc, argv, program, names);
  if (!parsed.run) return parsed.exit_code;
  rpc::Termination termination;
  telemetry::InitLogging(parsed.flags.log);

  Process process;
  if (const absl::Status started = process.Start(parsed.flags, stages); !started.ok()) {
    telemetry::LogError("cannot start", {{"error", started.ToString()}});
    End(1);
  }
  const int signal = termination.Wait();
  telemetry::LogInfo("draining", {{"signal", absl::StrCat(signal)}});
  EndAfter(kDrainLimit);
  process.Drain();
  telemetry::LogInfo("drained");
  End(0);
}

}  // namespace foundry::worker
