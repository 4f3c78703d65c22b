#include "services/coordinator/coordinator.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/storage/artifact_store.h"
#include "common/telemetry/log.h"
#include "services/coordinator/gangs_service.h"
#include "services/coordinator/jobs_service.h"
#include "services/coordinator/lease_queue.h"
#include "services/coordinator/maintenance.h"
#include "services/coordinator/wakeups.h"
#include "services/coordinator/watch_hub.h"
#include "services/coordinator/workers_service.h"
#include "services/coordinator/write_queue.h"

namespace foundry::coordinator {
namespace {

constexpr int kCallThreads = 32;
// A database that starts at the same time is waited for this long …
constexpr absl::Duration kDatabaseWait = absl::Seconds(60);
// … with a look this often.
constexpr absl::Duration kDatabasePause = absl::Milliseconds(500);

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const StoreOptions& options) {
  const absl::Time end = SteadyNow() + kDatabaseWait;
  for (bool first = true;; first = false) {
    auto store = Store::Open(options);
    if (!absl::IsUnavailable(store.status()) || SteadyNow() > end) return store;
    if (first) {
      telemetry::LogWarning("waiting for the database", {{"error", store.status().ToString()}});
    }
    absl::SleepFor(kDatabasePause);
  }
}

rpc::FrameOptions FrameOptionsFor(const CoordinatorOptions& options) {
  rpc::FrameOptions frame;
  frame.token = options.token;
  frame.executor.max_threads = kCallThreads;
  frame.executor.max_long_calls = 0;  // streams and long polls hold no thread
  frame.executor.max_waiting = 1024;
  frame.limits.max_calls = options.max_calls;
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
    EndService();
    if (server != nullptr) {
      queue->Drain();
      watches->Drain();
      server->Shutdown(absl::ZeroDuration());
    }
    if (wakeups != nullptr) wakeups->Stop();
  }

  // Health says SERVING while the database answers, until the end of service.
  void SetDatabase(bool answers) {
    std::lock_guard lock(health_mutex);
    database_answers = answers;
    if (in_service) server->SetServing(answers);
  }
  void BeginService() {
    std::lock_guard lock(health_mutex);
    in_service = true;
    server->SetServing(database_answers);
  }
  void EndService() {
    std::lock_guard lock(health_mutex);
    if (in_service) server->SetServing(false);
    in_service = false;
  }

  std::mutex health_mutex;
  bool database_answers = true;  // guarded by health_mutex
  bool in_service = false;       // guarded by health_mutex
  std::unique_ptr<storage::ArtifactStore> artifacts;
  std::unique_ptr<Wakeups> wakeups;
  std::atomic<Wakeups*> told{nullptr};  // null until everything stands
  std::unique_ptr<Store> store;
  rpc::Frame frame;  // before the queues, which end calls of it
  std::unique_ptr<LeaseQueue> queue;
  std::unique_ptr<WriteQueue> writes;
  std::unique_ptr<WatchHub> watches;
  std::unique_ptr<Maintenance> maintenance;
  std::unique_ptr<JobsService> jobs;
  std::unique_ptr<WorkersService> workers;
  std::unique_ptr<GangsService> gangs;
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
  store.durable_leases = options.durable_leases;
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
  FOUNDRY_ASSIGN_OR_RETURN(parts->store, OpenStore(store));
  parts->queue = std::make_unique<LeaseQueue>(parts->store.get(), LeaseQueue::Options{});
  parts->writes = std::make_unique<WriteQueue>(parts->store.get(), WriteQueue::Options{});
  Maintenance::Options maintenance;
  maintenance.connection_info = options.database;
  maintenance.history = options.history;
  maintenance.on_database = [parts](bool answers) { parts->SetDatabase(answers); };
  parts->maintenance = std::make_unique<Maintenance>(parts->store.get(), parts->artifacts.get(),
                                                     metrics, maintenance);
  Wakeups::Hooks hooks;
  hooks.tasks_ready = [queue = parts->queue.get()] { queue->Wake(); };
  parts->watches = std::make_unique<WatchHub>(parts->store.get(), WatchHub::Options{});
  hooks.job_changed = [watches = parts->watches.get(),
                       maintenance = parts->maintenance.get()](const std::string& job_id) {
    watches->Changed(job_id);
    maintenance->Wake();
  };
  parts->wakeups = std::make_unique<Wakeups>(options.database, std::move(hooks));
  parts->told = parts->wakeups.get();
  parts->jobs = std::make_unique<JobsService>(&parts->frame, parts->store.get(),
                                              parts->watches.get(), parts->maintenance.get());
  parts->workers = std::make_unique<WorkersService>(&parts->frame, parts->store.get(),
                                                    parts->queue.get(), parts->writes.get());
  parts->gangs = std::make_unique<GangsService>(&parts->frame, parts->store.get());
  FOUNDRY_ASSIGN_OR_RETURN(
      parts->server,
      rpc::Server::Start(options.server,
                         {parts->jobs.get(), parts->workers.get(), parts->gangs.get()},
                         &parts->frame));
  parts->BeginService();
  return std::unique_ptr<Coordinator>(new Coordinator(std::move(owned)));
}

Coordinator::~Coordinator() = default;

const std::string& Coordinator::address() const { return parts_->server->address(); }

void Coordinator::Shutdown(absl::Duration grace) {
  parts_->EndService();
  parts_->queue->Drain();
  parts_->watches->Drain();
  parts_->server->Shutdown(grace);
}

}  // namespace foundry::coordinator
