// What is done to a cluster under load. Each fault begins, lasts a few seconds and is over when the
// function returns: every process runs and every connection passes again.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/chaos/chaos_cluster.h"

namespace foundry::chaos {

struct Fault {
  const char* name;
  void (*inflict)(ChaosCluster& cluster, std::mt19937_64& random);
  // Why it cannot be had here; empty: it can. Null: always.
  std::string (*missing)(ChaosCluster& cluster) = nullptr;
  // The generation of a gang that it meets ends.
  bool interrupts_training = false;
};

const std::vector<Fault>& Faults();
// For a training that is under way (training.h), which those above may meet too.
const std::vector<Fault>& TrainingFaults();

}  // namespace foundry::chaos
