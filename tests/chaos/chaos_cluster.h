// Real processes with a fault proxy between every pair: clients, workers, two coordinators, one
// PostgreSQL of its own. Everything can be killed and comes back as it was.
//
// A test can do nothing when a process cannot be started: that ends the program. Not thread-safe,
// except for Call() and stub(), which clients use from threads of their own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/rpc/channel.h"
#include "common/testing/child_process.h"
#include "common/testing/fault_proxy.h"
#include "common/testing/private_postgres.h"
#include "foundry/coordinator/v1/jobs.grpc.pb.h"
#include "tests/chaos/conditions.h"

namespace foundry::chaos {

inline constexpr int kCoordinators = 2;
// Workers 0 and 1 work for the first coordinator, worker 2 for the second.
inline constexpr int kWorkers = 3;
// Trainers of one device each: a training of two ranks is a gang of both, over both coordinators.
inline constexpr int kTrainers = kCoordinators;

class ChaosCluster {
 public:
  ChaosCluster();

  std::filesystem::path folder() const { return folder_.path(); }
  postgres::LocalServer& postgres() { return postgres_.server(); }
  Clock& postgres_clock() { return postgres_clock_; }
  Clock& coordinators_clock() { return coordinators_clock_; }
  SmallDisk& disk() { return disk_; }
  // libpq connection string that no proxy stands in.
  const std::string& database() const { return database_; }

  testing::FaultProxy& to_postgres(int coordinator) { return *coordinators_[coordinator].database; }
  testing::FaultProxy& from_workers(int coordinator) { return *coordinators_[coordinator].workers; }
  testing::FaultProxy& from_clients(int coordinator) { return *coordinators_[coordinator].clients; }

  // SIGKILL; the next Start brings it back.
  void KillCoordinator(int coordinator);
  void StartCoordinator(int coordinator);
  void KillWorker(int worker);
  void StartWorker(int worker);
  testing::ChildProcess& worker(int worker) { return *workers_[worker]; }
  // There are none before they are started. Trainer i works for coordinator i.
  void KillTrainer(int trainer);
  void StartTrainer(int trainer);
  testing::ChildProcess* trainer(int trainer) { return trainers_[trainer].get(); }

  // One call to some coordinator, repeated until one answers or `limit` is over. Answers that are
  // not about the way there (NotFound, …) end it.
  absl::Status Call(absl::Duration limit,
                    const std::function<grpc::Status(coordinator::v1::JobsService::Stub&,
                                                     grpc::ClientContext*)>& call);

  // What workers and trainers have said so far, all lives of all of them.
  std::string WorkerLogs() const;
  std::string CoordinatorLogs() const;

 private:
  struct Coordinator {
    std::unique_ptr<testing::FaultProxy> database, workers, clients;
    std::unique_ptr<testing::ChildProcess> process;
    std::unique_ptr<rpc::Channel> channel;
    std::unique_ptr<coordinator::v1::JobsService::Stub> stub;
  };
  std::string Socket(const std::string& name, int number) const;
  // A worker of the coordinator, with work folder and log of its own.
  std::unique_ptr<testing::ChildProcess> Start(const std::string& program, int coordinator,
                                               const std::string& name,
                                               const std::vector<std::string>& flags,
                                               const std::vector<std::string>& environment = {});

  TempFolder folder_;
  TempFolder small_;  // with the disk and the clocks
  Clock postgres_clock_, coordinators_clock_;
  SmallDisk disk_;
  testing::PrivatePostgres postgres_;
  std::string database_;
  Coordinator coordinators_[kCoordinators];
  std::unique_ptr<testing::ChildProcess> workers_[kWorkers];
  std::unique_ptr<testing::ChildProcess> trainers_[kTrainers];
};

}  // namespace foundry::chaos
