#include "services/coordinator/coordinator.h"

#include <atomic>
#include <utility>

#include "common/base/status.h"
#include "common/storage/artifact_store.h"
#include "services/coordinator/job_changes.h"
#include "services/coordinator/jobs_service.h"
#include "services/coordinator/lease_queue.h"
#include "services/coordinator/maintenance.h"
#include "services/coordinator/wakeups.h"
#include "services/coordinator/workers_service.h"

namespace foundry::coordinator {
namespace {

constexpr int kShortCallThreads = 32;

rpc::FrameOptions FrameOptionsFor(const CoordinatorOptions& options) {
  rpc::FrameOptions frame;
  frame.token = options.token;
  frame.executor.max_long_calls = options.max_long_calls;
  frame.executor.max_threads = options.max_long_calls + kShortCallThreads;
  frame.executor.max_waiting = 1024;
  frame.limits.max_calls = options.max_long_calls + 1024;
  // All workers of one node share a connection's peer name.
  frame.limits.max_calls_per_peer = frame.limits.max_calls;
  return frame;
}

}  // namespace

// In the order of dependence; members end in the reverse order. The store tells the wakeups, which
// hint to what is built on the store: so the wakeups stop first and go last.
struct Coordinator::Parts {
  explicit Parts(const CoordinatorOptions& options, telemetry::Metrics* metrics)
      : frame(FrameOptionsFor(options), metrics) {}
  ~Parts() {
    if (server != nullptr) server->Shutdown(absl::ZeroDuration());
    if (wakeups != nullptr) wakeups->Stop();
  }

  std::unique_ptr<storage::ArtifactStore> artifacts;
  JobChanges changes;
  std::unique_ptr<Wakeups> wakeups;
  std::atomic<Wakeups*> told{nullptr};  // null until everything stands
  std::unique_ptr<Store> store;
  std::unique_ptr<LeaseQueue> queue;
  std::unique_ptr<Maintenance> maintenance;
  rpc::Frame frame;
  std::unique_ptr<JobsService> jobs;
  std::unique_ptr<WorkersService> workers;
  std::unique_ptr<rpc::Server> server;
};

Coordinator::Coordinator(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Start(const CoordinatorOptions& options,
                                                                telemetry::Metrics* metrics) {
  auto owned = std::make_unique<Parts>(options, metrics);
  Parts* const parts = owned.get();
  StoreOptions store;
  store.database = {.connection_info = options.database, .connections = options.connections};
  store.lease = options.lease;
  if (!options.artifacts.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(parts->artifacts, storage::OpenStore(options.artifacts));
    store.wait_for_exports = true;
    store.output_exists = [parts](const std::string& manifest) {
      return parts->artifacts->Has(manifest).value_or(false);
    };
  }
  store.on_tasks_ready = [parts] {
    if (Wakeups* wakeups = parts->told) wakeups->TasksReady();
  };
  store.on_job_changed = [parts](const std::string& job_id) {
    if (Wakeups* wakeups = parts->told) wakeups->JobChanged(job_id);
  };
  FOUNDRY_ASSIGN_OR_RETURN(parts->store, Store::Open(std::move(store)));
  parts->queue = std::make_unique<LeaseQueue>(parts->store.get(), LeaseQueue::Options{});
  parts->maintenance =
      std::make_unique<Maintenance>(parts->store.get(), parts->artifacts.get(), metrics,
                                    Maintenance::Options{.connection_info = options.database});
  Wakeups::Hooks hooks;
  hooks.tasks_ready = [queue = parts->queue.get()] { queue->Wake(); };
  hooks.job_changed = [changes = &parts->changes,
                       maintenance = parts->maintenance.get()](const std::string& job_id) {
    changes->Changed(job_id);
    maintenance->Wake();
  };
  parts->wakeups = std::make_unique<Wakeups>(options.database, std::move(hooks));
  parts->told = parts->wakeups.get();
  parts->jobs = std::make_unique<JobsService>(&parts->frame, parts->store.get(), &parts->changes,
                                              parts->maintenance.get());
  parts->workers =
      std::make_unique<WorkersService>(&parts->frame, parts->store.get(), parts->queue.get());
  FOUNDRY_ASSIGN_OR_RETURN(
      parts->server,
      rpc::Server::Start(options.server, {parts->jobs.get(), parts->workers.get()}, &parts->frame));
  return std::unique_ptr<Coordinator>(new Coordinator(std::move(owned)));
}

Coordinator::~Coordinator() = default;

const std::string& Coordinator::address() const { return parts_->server->address(); }

void Coordinator::Shutdown(absl::Duration grace) {
  parts_->server->SetServing(false);
  parts_->queue->Drain();
  parts_->jobs->Drain();
  parts_->server->Shutdown(grace);
}

}  // namespace foundry::coordinator
