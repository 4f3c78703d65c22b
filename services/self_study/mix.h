// The cumulative training mix of a round: everything taught so far, and the corrections.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/json.h"
#include "common/dataset/records.h"

namespace foundry::self_study {

struct MixResult {
  std::vector<dataset::Pair> pairs;  // train and dev; never test
  std::map<std::string, int64_t> counts;
};

// `so_far`: the mix of the round before, then the pairs that it came from, which alone say what is
// held out for the test. Corrections of pairs that the mix holds raise their weight; others join. A
// correction whose question is held out (dev or test), in whatever form, is dropped and counted.
// Deterministic: mix order, then the corrections' order.
MixResult Mix(const std::vector<dataset::Pair>& so_far,
              const std::vector<dataset::Pair>& corrections);

// Reads failed.jsonl of each part, writes pairs.jsonl and statistics.json (the parts' statistics
// summed, and the mix).
absl::StatusOr<MixResult> MixFiles(const std::vector<std::filesystem::path>& parts,
                                   const std::vector<std::filesystem::path>& pairs, int round,
                                   const std::filesystem::path& output);

}  // namespace foundry::self_study
