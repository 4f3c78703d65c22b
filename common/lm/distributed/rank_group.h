// Ranks: processes that train one model together, each on its part of every step.
//
// Over c10d: rank 0 binds a port of its own address and serves the store through which the ranks
// find each other; they then exchange by Gloo, directly. Sums are the same, bit for bit, on every
// rank, and for the same number of ranks in every run. Values live on the CPU: so do the gradients
// of an adapter when the optimizer takes them, whatever device computed them.
//
// Nothing is authenticated: the ports are for the loopback or for a network that is trusted. Not
// thread-safe: every rank makes the same calls in the same order, from one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace foundry::lm {

struct RankGroupOptions {
  int rank = 0;
  int size = 1;
  // IP address or name of this machine by which the other ranks reach it.
  std::string host = "127.0.0.1";
  // "host:port" that rank 0 reported; of no meaning on rank 0.
  std::string rendezvous;
  // Ranks of different generations don't meet, even by the same address.
  int64_t generation = 0;
  // Of joining and of each exchange: the longest that one rank may be ahead of the others.
  absl::Duration timeout = absl::Minutes(30);
};

class RankGroup {
 public:
  virtual ~RankGroup() = default;

  // Returns when all ranks are there. On rank 0, `on_listening` gets the address for
  // RankGroupOptions::rendezvous before that. Unavailable when the others don't come in time.
  // From then on the process ignores SIGPIPE, unless it handles it.
  static absl::StatusOr<std::unique_ptr<RankGroup>> Join(
      const RankGroupOptions& options,
      const std::function<void(const std::string& address)>& on_listening = nullptr);

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // A group of some of these ranks: those that call it with the same `name` and `size`, each with a
  // `rank` of its own there. Groups are independent of each other. Returns when all are there.
  virtual absl::StatusOr<std::unique_ptr<RankGroup>> Split(const std::string& name, int rank,
                                                           int size) = 0;

  // Element-wise sums over the ranks, on every rank. Unavailable when a rank is gone or late: the
  // group is of no use any more.
  virtual absl::Status Sum(absl::Span<float> values) = 0;
  virtual absl::Status Sum(absl::Span<double> values) = 0;
  // Rank 0's values, on every rank. Unavailable as above.
  virtual absl::Status Broadcast(absl::Span<float> values) = 0;
  virtual absl::Status Broadcast(absl::Span<double> values) = 0;
};

}  // namespace foundry::lm
