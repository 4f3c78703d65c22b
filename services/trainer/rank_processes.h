// Training in child processes, one for each rank that runs on this machine.
//
// With all of them here: when a rank is lost (killed, crashed), the others are ended too and all
// start again from the last checkpoint: with as many ranks at first, and when that brings no step
// forward, with fewer and with smaller packs. So do ranks that hold one model together when memory
// runs out, with packs of half the size (by itself a rank of others shrinks its packs without an
// end). With others elsewhere, a loss ends the call: who gathers the workers begins the next
// generation, and rank 0's caller has it go on with smaller packs when there was no memory, or no
// step forward. Ranks never outlive the caller. Thread-safe (no
// state).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "services/trainer/rank_job.h"

namespace foundry::trainer {

// Ranks here and elsewhere.
struct RankSpread {
  int first_rank = 0;      // of those here
  int world_size = 0;      // all of them; 0: those here
  int64_t generation = 0;  // different ones must not meet
  std::string rendezvous;  // of rank 0, where that is elsewhere
};

struct RankProcessOptions {
  int ranks = 1;                 // here
  int min_ranks = 1;             // that training goes on with
  int losses = 3;                // of ranks in a row, without a new step between, that end it
  int64_t memory_limit_mib = 0;  // of each rank's address space; 0: none
  absl::Duration grace = absl::Seconds(8);  // for saving the state when cancelled
  std::string host = "127.0.0.1";           // by which ranks reach those here
  RankSpread spread;
};

// Called one at a time.
struct RankProcessHooks {
  lm::TrainHooks train;                               // on_checkpoint is not called
  std::function<void(int rank, pid_t pid)> on_start;  // of a process
  // Where rank 0 waits for those elsewhere. An error ends the ranks, and is the call's.
  std::function<absl::Status(const std::string& rendezvous)> on_listening;
  // A snapshot (see run_snapshot.h), the hook's from now on. Set: snapshots are made.
  std::function<void(const std::filesystem::path& folder)> on_snapshot;
};

// lm::Train of `job`, whose file is written into `folder`; there the caller of rank 0 keeps what it
// knows of generations that were lost, too. Errors are those of lm::Train, and
// Unavailable when ranks are lost again and again. With ranks elsewhere Unavailable says that one
// here was killed, and Aborted that those here ended for want of others. The summary is rank 0's;
// elsewhere it is empty.
absl::StatusOr<lm::TrainSummary> TrainInProcesses(const RankJob& job,
                                                  const std::filesystem::path& folder,
                                                  const RankProcessOptions& options,
                                                  const RankProcessHooks& hooks,
                                                  const CancelToken& cancel);

}  // namespace foundry::trainer
