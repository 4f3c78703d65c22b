// A seeded schedule of workers, clients, clocks and crashes against the stores of a world.
//
// Workers lease tasks and tell of them over a network that loses calls, loses answers, delivers
// late and twice; they stop, crash and wake up again with leases long gone. Clients cancel and
// retry. Coordinators restart. Time jumps. In the end everything in flight arrives, the workers
// behave, and every job must end; those that failed or were cancelled are retried and must succeed.
//
// One thread and one seed: the same seed makes the same schedule on every world that keeps the
// contract, so histories of two worlds can be compared call by call.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "services/coordinator/testing/history.h"
#include "services/coordinator/testing/task_store.h"

namespace foundry::coordinator {

struct SimulationOptions {
  uint64_t seed = 1;
  int turns = 80;  // of chaos, before everybody behaves
  int workers = 4;
  int jobs = 2;
  // Workers have one or two devices, jobs are mostly trainings that want two or three.
  bool gangs = false;
};

// What the world's stores must be made with.
StoreOptions SimulatedStoreOptions();

// Runs one schedule. `world` is new.
History Simulate(const SimulationOptions& options, StoreWorld& world);

}  // namespace foundry::coordinator
