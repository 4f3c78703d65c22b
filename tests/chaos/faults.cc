#include "tests/chaos/faults.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <pqxx/pqxx>

#include "absl/time/clock.h"
#include "tests/chaos/rank_scan.h"

namespace foundry::chaos {
namespace {

// Longer than a lease of the cluster lasts.
constexpr absl::Duration kBeyondALease = absl::Seconds(5);
constexpr absl::Duration kAWhile = absl::Seconds(3);

void Sleep(std::mt19937_64& random, double from, double to) {
  absl::SleepFor(absl::Seconds(std::uniform_real_distribution<>(from, to)(random)));
}

void Demand(const absl::Status& status) {
  if (status.ok()) return;
  fprintf(stderr, "%s\n", status.ToString().c_str());
  abort();
}

void Sql(ChaosCluster& cluster, const std::string& sql) {
  pqxx::connection connection(cluster.database());
  pqxx::nontransaction(connection).exec(sql);
}

void CoordinatorKilled(ChaosCluster& cluster, std::mt19937_64& random) {
  for (int i = 0; i < 3; ++i) {
    cluster.KillCoordinator(0);
    cluster.StartCoordinator(0);
    Sleep(random, 0.2, 1.5);
  }
}

void BothCoordinatorsKilled(ChaosCluster& cluster, std::mt19937_64& random) {
  for (int i = 0; i < kCoordinators; ++i) cluster.KillCoordinator(i);
  Sleep(random, 0.5, 2);
  for (int i = 0; i < kCoordinators; ++i) cluster.StartCoordinator(i);
}

void WorkersKilled(ChaosCluster& cluster, std::mt19937_64& random) {
  for (int i = 0; i < kWorkers; ++i) {
    cluster.KillWorker(i);
    cluster.StartWorker(i);
    Sleep(random, 0.2, 1);
  }
}

// Wakes up in the belief that its lease stands.
void WorkerStopped(ChaosCluster& cluster, std::mt19937_64&) {
  cluster.worker(0).Signal(SIGSTOP);
  absl::SleepFor(kBeyondALease);
  cluster.worker(0).Signal(SIGCONT);
}

void WorkersDrained(ChaosCluster& cluster, std::mt19937_64&) {
  for (int i = 0; i < kWorkers; ++i) {
    cluster.worker(i).Signal(SIGTERM);
    cluster.worker(i).Wait(absl::Seconds(30));
    cluster.StartWorker(i);
  }
}

void PostgresKilled(ChaosCluster& cluster, std::mt19937_64& random) {
  for (int i = 0; i < 2; ++i) {
    Demand(cluster.postgres().Kill());
    Sleep(random, 0.1, 1);
    Demand(cluster.postgres().Restart());
    Sleep(random, 0.5, 1);
  }
}

void PostgresRestarted(ChaosCluster& cluster, std::mt19937_64&) {
  Demand(cluster.postgres().Stop());
  Demand(cluster.postgres().Restart());
}

void PostgresCut(ChaosCluster& cluster, std::mt19937_64& random) {
  for (int i = 0; i < 12; ++i) {
    cluster.to_postgres(i % kCoordinators).Cut();
    Sleep(random, 0.05, 0.5);
  }
}

void PostgresSlow(ChaosCluster& cluster, std::mt19937_64&) {
  for (int i = 0; i < kCoordinators; ++i) cluster.to_postgres(i).SetDelay(absl::Milliseconds(20));
  absl::SleepFor(kBeyondALease);
  for (int i = 0; i < kCoordinators; ++i) cluster.to_postgres(i).SetDelay(absl::ZeroDuration());
}

void PostgresPartitioned(ChaosCluster& cluster, std::mt19937_64&) {
  cluster.to_postgres(0).SetHole(true);
  absl::SleepFor(kBeyondALease);
  cluster.to_postgres(0).SetHole(false);
}

// PostgreSQL's side of every connection is gone, and no coordinator is told.
void PostgresHalfOpen(ChaosCluster& cluster, std::mt19937_64&) {
  for (int i = 0; i < kCoordinators; ++i) cluster.to_postgres(i).Forget();
}

// Others take every connection that the server gives.
void PostgresFull(ChaosCluster& cluster, std::mt19937_64&) {
  std::vector<std::unique_ptr<pqxx::connection>> greedy;
  try {
    for (;;) greedy.push_back(std::make_unique<pqxx::connection>(cluster.database()));
  } catch (const pqxx::broken_connection&) {
    // "too many clients already"
  }
  for (int i = 0; i < kCoordinators; ++i) cluster.to_postgres(i).Cut();
  try {
    for (;;) greedy.push_back(std::make_unique<pqxx::connection>(cluster.database()));
  } catch (const pqxx::broken_connection&) {
  }
  absl::SleepFor(kAWhile);
}

// Statements end as they do when the disk is full.
void PostgresDiskFull(ChaosCluster& cluster, std::mt19937_64&) {
  Sql(cluster,
      "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
      "'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;"
      "CREATE TRIGGER disk_full BEFORE INSERT OR UPDATE ON tasks EXECUTE FUNCTION disk_full();"
      "CREATE TRIGGER disk_full BEFORE INSERT ON events EXECUTE FUNCTION disk_full()");
  absl::SleepFor(kAWhile);
  Sql(cluster, "DROP FUNCTION disk_full CASCADE");
}

// Nothing can be written any more, the log of transactions neither: PostgreSQL may end for good.
void PostgresDiskReallyFull(ChaosCluster& cluster, std::mt19937_64&) {
  cluster.disk().SetFull(true);
  absl::SleepFor(kAWhile);
  cluster.disk().SetFull(false);
  Demand(cluster.postgres().Restart());
}
std::string NoSmallDisk(ChaosCluster& cluster) { return cluster.disk().Missing(); }

// Forward, back and right again, each time with a worker whose lease runs out meanwhile.
void Jump(ChaosCluster& cluster, Clock& clock) {
  for (const absl::Duration offset : {absl::Hours(1), -absl::Hours(1), absl::ZeroDuration()}) {
    clock.Set(offset);
    cluster.KillWorker(0);
    absl::SleepFor(kAWhile);
    cluster.StartWorker(0);
  }
}

// Leases are counted by PostgreSQL's clock: set forward, all run out at once; set back, a lease
// that nobody renews any more must not last that much longer.
void PostgresClockJumps(ChaosCluster& cluster, std::mt19937_64&) {
  Jump(cluster, cluster.postgres_clock());
}

// Calls and waits under way must end neither at once nor an hour later.
void CoordinatorClocksJump(ChaosCluster& cluster, std::mt19937_64&) {
  Jump(cluster, cluster.coordinators_clock());
}
std::string NoClock(ChaosCluster& cluster) { return cluster.postgres_clock().Missing(); }

void WorkersCut(ChaosCluster& cluster, std::mt19937_64& random) {
  for (int i = 0; i < 12; ++i) {
    cluster.from_workers(i % kCoordinators).Cut();
    Sleep(random, 0.05, 0.5);
  }
}

void WorkersPartitioned(ChaosCluster& cluster, std::mt19937_64&) {
  cluster.from_workers(0).SetHole(true);
  absl::SleepFor(kBeyondALease);
  cluster.from_workers(0).SetHole(false);
}

void WorkersHalfOpen(ChaosCluster& cluster, std::mt19937_64&) { cluster.from_workers(1).Forget(); }

void WorkersSlow(ChaosCluster& cluster, std::mt19937_64&) {
  for (int i = 0; i < kCoordinators; ++i) cluster.from_workers(i).SetDelay(absl::Milliseconds(200));
  absl::SleepFor(kAWhile);
  for (int i = 0; i < kCoordinators; ++i) cluster.from_workers(i).SetDelay(absl::ZeroDuration());
}

void ClientsCut(ChaosCluster& cluster, std::mt19937_64& random) {
  for (int i = 0; i < 12; ++i) {
    cluster.from_clients(i % kCoordinators).Cut();
    Sleep(random, 0.05, 0.3);
  }
}

void RankKilled(ChaosCluster& cluster, std::mt19937_64& random) {
  const std::vector<RankProcess> ranks = FindRanks(cluster.folder());
  // A fault before this one may have ended all of them.
  if (!ranks.empty()) kill(ranks[random() % ranks.size()].pid, SIGKILL);
}

void TrainerKilled(ChaosCluster& cluster, std::mt19937_64& random) {
  const int trainer = static_cast<int>(random() % kTrainers);
  cluster.KillTrainer(trainer);
  Sleep(random, 0, 1);
  cluster.StartTrainer(trainer);
}

void TrainerPartitioned(ChaosCluster& cluster, std::mt19937_64& random) {
  const int trainer = static_cast<int>(random() % kTrainers);
  cluster.from_workers(trainer).SetHole(true);
  absl::SleepFor(kBeyondALease);
  cluster.from_workers(trainer).SetHole(false);
}

}  // namespace

const std::vector<Fault>& TrainingFaults() {
  static const auto* const faults = new std::vector<Fault>{
      {"rank killed", RankKilled, nullptr, /*interrupts_training=*/true},
      {"trainer killed", TrainerKilled, nullptr, /*interrupts_training=*/true},
      {"coordinators killed in training", BothCoordinatorsKilled},
      // Cut off from the coordinator alone, ranks may come to the end meanwhile.
      {"trainer partitioned", TrainerPartitioned},
  };
  return *faults;
}

const std::vector<Fault>& Faults() {
  static const auto* const faults = new std::vector<Fault>{
      {"coordinator killed", CoordinatorKilled},
      {"both coordinators killed", BothCoordinatorsKilled},
      {"workers killed", WorkersKilled},
      {"worker stopped beyond its lease", WorkerStopped},
      {"workers drained", WorkersDrained},
      {"PostgreSQL killed", PostgresKilled},
      {"PostgreSQL restarted", PostgresRestarted},
      {"PostgreSQL connections cut", PostgresCut},
      {"PostgreSQL slow", PostgresSlow},
      {"PostgreSQL partitioned", PostgresPartitioned},
      {"PostgreSQL half-open", PostgresHalfOpen},
      {"PostgreSQL out of connections", PostgresFull},
      {"PostgreSQL disk full", PostgresDiskFull},
      {"PostgreSQL disk really full", PostgresDiskReallyFull, NoSmallDisk},
      {"PostgreSQL clock jumps", PostgresClockJumps, NoClock},
      {"coordinators' clocks jump", CoordinatorClocksJump, NoClock},
      {"worker connections cut", WorkersCut},
      {"workers partitioned", WorkersPartitioned},
      {"workers half-open", WorkersHalfOpen},
      {"workers' network slow", WorkersSlow},
      {"client connections cut", ClientsCut},
  };
  return *faults;
}

}  // namespace foundry::chaos
