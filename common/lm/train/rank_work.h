// What ranks agree on while they train one model together. Internal to common/lm. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/lm/distributed/rank_group.h"
#include "common/lm/lora/adapter.h"
#include "common/lm/train/optimizer.h"
#include "common/lm/train/run_state.h"
#include "common/lm/trainer.h"

namespace foundry::lm {

// The part of a step's examples that `rank` computes: those that begin alike stay together, so that
// what they share is computed once, and the parts have about the same number of tokens. Every
// example is in exactly one part; a part may be empty.
std::vector<const Example*> RankPart(std::vector<const Example*> examples, int rank, int size);

// Sums `values`, as many on each rank, over the ranks when all of them come with OK. Otherwise none
// goes on: `mine` where it is an error, Cancelled when another rank was cancelled, Aborted when
// another failed. Unavailable when a rank is gone. Without a group: `mine`.
absl::Status SumOverRanks(RankGroup* group, absl::Status mine, absl::Span<double> values);

// The least of the ranks' values, on every rank: one exchange.
absl::Status LeastOverRanks(RankGroup& group, int64_t& value);

// Rank 0's value, on every rank.
absl::Status ShareNumber(RankGroup& group, int64_t& value);

// Rank 0's choice of compute type, which it may have measured.
absl::Status ShareCompute(RankGroup& group, at::ScalarType& compute);

// FailedPrecondition on a rank whose run isn't rank 0's.
absl::Status CheckSameRun(RankGroup& group, const std::string& fingerprint);

// Rank 0's state on every rank, whatever they had before; its best_figures stay with it.
absl::Status ShareState(RankGroup& group, RunState& state, Adapter& adapter, AdamW& optimizer);

}  // namespace foundry::lm
