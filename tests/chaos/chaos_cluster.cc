#include "tests/chaos/chaos_cluster.h"

#include <signal.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace foundry::chaos {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(4);
constexpr absl::Duration kPause = absl::Milliseconds(100);
constexpr absl::Duration kStart = absl::Seconds(60);

void Demand(bool good, const std::string& what) {
  if (good) return;
  fprintf(stderr, "%s\n", what.c_str());
  abort();
}

std::filesystem::path NewFolder(const std::filesystem::path& path) {
  Demand(MakeFolders(path).ok(), path);
  return path;
}

// PostgreSQL runs as another account where this is root.
TempFolder OpenFolder() {
  TempFolder folder = *TempFolder::Make();
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  return folder;
}

}  // namespace

ChaosCluster::ChaosCluster()
    : folder_(*TempFolder::Make()),
      small_(OpenFolder()),
      postgres_clock_(small_.path() / "postgres-clock"),
      coordinators_clock_(small_.path() / "coordinators-clock"),
      disk_(NewFolder(small_.path() / "disk")),
      postgres_(testing::PrivatePostgres::Options{
          disk_.Missing().empty() ? small_.path() / "disk" : std::filesystem::path(),
          postgres_clock_.Environment()}),
      database_(postgres_.NewDatabase()) {
  // libpq reaches a Unix socket by its folder and port.
  const size_t begin = database_.find("host='") + 6;
  const std::string host = database_.substr(begin, database_.find('\'', begin) - begin);
  for (int i = 0; i < kCoordinators; ++i) {
    Coordinator& coordinator = coordinators_[i];
    NewFolder(folder() / absl::StrCat("db", i));
    coordinator.database = std::make_unique<testing::FaultProxy>(
        absl::StrCat("unix:", (folder() / absl::StrCat("db", i) / ".s.PGSQL.5432").string()),
        absl::StrCat("unix:", host, "/.s.PGSQL.5432"));
    coordinator.workers =
        std::make_unique<testing::FaultProxy>(Socket("workers", i), Socket("coordinator", i));
    coordinator.clients =
        std::make_unique<testing::FaultProxy>(Socket("clients", i), Socket("coordinator", i));
    StartCoordinator(i);
    auto channel = rpc::Channel::Open({.address = coordinator.clients->address()});
    Demand(channel.ok(), channel.status().ToString());
    coordinator.channel = *std::move(channel);
    coordinator.stub = coordinator::v1::JobsService::NewStub(coordinator.channel->grpc_channel());
    Demand(coordinator.process->WaitForLog("serving", kStart), CoordinatorLogs());
  }
  for (int i = 0; i < kWorkers; ++i) StartWorker(i);
}

std::string ChaosCluster::Socket(const std::string& name, int number) const {
  return absl::StrCat("unix:", (folder() / absl::StrCat(name, number, ".sock")).string());
}

void ChaosCluster::KillCoordinator(int coordinator) {
  coordinators_[coordinator].process->Signal(SIGKILL);
  coordinators_[coordinator].process->Wait(kStart);
}

void ChaosCluster::StartCoordinator(int coordinator) {
  const size_t begin = database_.find("host='");
  std::string database = database_;
  database.replace(
      begin, database.find('\'', begin + 6) + 1 - begin,
      absl::StrCat("host='", (folder() / absl::StrCat("db", coordinator)).string(), "'"));
  coordinators_[coordinator].process = std::make_unique<testing::ChildProcess>(
      std::vector<std::string>{
          testing::BuiltProgram("foundry-coordinator"), absl::StrCat("--database=", database),
          absl::StrCat("--listen=", Socket("coordinator", coordinator)),
          absl::StrCat("--artifacts=", (folder() / "artifacts").string()), "--lease-seconds=3",
          "--connections=8", "--metrics-port=-1", "--log-format=json"},
      folder() / absl::StrCat("coordinator", coordinator, ".log"),
      coordinators_clock_.Environment());
}

void ChaosCluster::KillWorker(int worker) {
  workers_[worker]->Signal(SIGKILL);
  workers_[worker]->Wait(kStart);
}

void ChaosCluster::StartWorker(int worker) {
  workers_[worker] = Start("foundry-extraction", worker < 2 ? 0 : 1, absl::StrCat("worker", worker),
                           {"--slots=2"});
}

void ChaosCluster::KillTrainer(int trainer) {
  trainers_[trainer]->Signal(SIGKILL);
  trainers_[trainer]->Wait(kStart);
}

void ChaosCluster::StartTrainer(int trainer) {
  // As many threads for each rank, always: sums are the same then, bit for bit.
  trainers_[trainer] = Start("foundry-trainer", trainer, absl::StrCat("trainer", trainer),
                             {"--devices=1", "--state-seconds=0"}, {"OMP_NUM_THREADS=1"});
}

std::unique_ptr<testing::ChildProcess> ChaosCluster::Start(
    const std::string& program, int coordinator, const std::string& name,
    const std::vector<std::string>& flags, const std::vector<std::string>& environment) {
  std::vector<std::string> argv = {
      testing::BuiltProgram(program),
      absl::StrCat("--coordinator=", from_workers(coordinator).address()),
      absl::StrCat("--artifacts=", (folder() / "artifacts").string()),
      absl::StrCat("--work-dir=", (folder() / absl::StrCat("work-", name)).string()),
      "--metrics-port=-1",
      "--log-format=json"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  return std::make_unique<testing::ChildProcess>(argv, folder() / absl::StrCat(name, ".log"),
                                                 environment);
}

absl::Status ChaosCluster::Call(
    absl::Duration limit,
    const std::function<grpc::Status(coordinator::v1::JobsService::Stub&, grpc::ClientContext*)>&
        call) {
  static std::atomic<unsigned> turn{0};
  const absl::Time end = absl::Now() + limit;
  for (;;) {
    Coordinator& coordinator = coordinators_[turn++ % kCoordinators];
    const absl::Status status = coordinator.channel->Invoke(
        kCallTimeout,
        [&](grpc::ClientContext* context) { return call(*coordinator.stub, context); });
    const bool away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
                      absl::IsCancelled(status) || absl::IsAborted(status) ||
                      absl::IsResourceExhausted(status);
    if (!away || absl::Now() > end) return status;
    coordinator.channel->Pause(kPause, {});
  }
}

std::string ChaosCluster::WorkerLogs() const {
  std::string logs;
  for (int i = 0; i < kWorkers; ++i) {
    logs += ReadFile(folder() / absl::StrCat("worker", i, ".log")).value_or("");
  }
  for (int i = 0; i < kTrainers; ++i) {
    logs += ReadFile(folder() / absl::StrCat("trainer", i, ".log")).value_or("");
  }
  return logs;
}

std::string ChaosCluster::CoordinatorLogs() const {
  std::string logs;
  for (int i = 0; i < kCoordinators; ++i) {
    logs += ReadFile(folder() / absl::StrCat("coordinator", i, ".log")).value_or("");
  }
  return logs;
}

}  // namespace foundry::chaos
