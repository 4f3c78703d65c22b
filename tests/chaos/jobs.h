// Jobs of a cluster in chaos: made, awaited, retried as a person would, and judged. The calls go on
// until some coordinator answers. Thread-safe as the cluster's Call is.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/coordinator/testing/history.h"
#include "tests/chaos/chaos_cluster.h"

namespace foundry::chaos {

struct ChaosJob {
  std::string name, id;
  int retries = 0;
};

// `spec` in YAML; its paths are the cluster's folder's.
absl::StatusOr<ChaosJob> CreateJob(ChaosCluster& cluster, const std::string& name,
                                   const std::string& spec);
coordinator::v1::Job GetJob(ChaosCluster& cluster, const std::string& id);
// True once it has ended well or will not. One that was given up because its workers were killed
// too often is retried.
bool HasEnded(ChaosCluster& cluster, ChaosJob& job);

// job/task → attempts whose workers say that the coordinator took their result.
using Acknowledged = std::map<std::string, std::set<int>>;
Acknowledged ReadAcknowledged(const std::string& worker_logs);

// The job's record after its end. Adds to `problems` when it did not succeed, when its events are
// not sound, or when a result was taken of any but the latest lease of a task.
coordinator::Record JudgeJob(ChaosCluster& cluster, const ChaosJob& job,
                             const Acknowledged& acknowledged, std::vector<std::string>* problems);

}  // namespace foundry::chaos
