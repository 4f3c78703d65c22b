// A task that several workers run together, each some ranks of a training, as its handler sees it.
// Free of protobuf. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace foundry::worker {

// This worker's part.
struct RankShare {
  int first_rank = 0;
  int ranks = 1;
  int world_size = 1;      // ranks of all workers
  int64_t generation = 0;  // of the gang; ranks of different ones must not meet
  std::string address;     // by which other workers' ranks reach these
  // Whether it has rank 0: it alone gives the task's output, progress and messages.
  bool leads() const { return first_rank == 0; }
};

struct Meeting {
  std::string rendezvous;        // "host:port" of rank 0
  std::filesystem::path inputs;  // what the leader shared, read-only
};

class Gang {
 public:
  virtual ~Gang() = default;
  virtual const RankShare& share() const = 0;
  // The leader's: hands the others a folder and the place where rank 0 listens. Aborted when the
  // generation has ended meanwhile.
  virtual absl::Status Share(const std::filesystem::path& folder) = 0;
  virtual absl::Status Open(const std::string& rendezvous) = 0;
  // The others': waits for both. Cancelled when the task is, or the generation ends.
  virtual absl::StatusOr<Meeting> Await() = 0;
};

}  // namespace foundry::worker
