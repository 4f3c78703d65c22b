// Examples as rows of packs: no padding, and beginnings that examples share computed once.
// Internal to common/lm. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <vector>

#include "common/lm/loss/scored_loss.h"
#include "common/lm/model/decoder.h"
#include "common/lm/trainer.h"

namespace foundry::lm {

struct TrainPack {
  Pack pack;
  std::vector<LossRow> rows;
};

// Packs of at most about `max_rows` rows (an example that is longer has its own). The last token of
// an example predicts nothing and is no row. Soft targets stay where they are.
std::vector<TrainPack> PlanPacks(std::vector<const Example*> examples, int64_t max_rows);

}  // namespace foundry::lm
