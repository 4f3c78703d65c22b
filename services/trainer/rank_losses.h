// What the losses of a training's ranks come to: how many in a row brought no step forward, and how
// small its packs have become because memory ran out. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"

namespace foundry::trainer {

class RankLosses {
 public:
  // Those that `file` tells of, for a run whose generations are calls of their own; none without
  // one.
  explicit RankLosses(std::filesystem::path file = {});

  // A generation ended after `last_step` of the run, or before its first step (0).
  void Lost(int64_t last_step);
  // Halves the packs, whose size was `tokens` (0: the engine's choice). False when they cannot be
  // smaller.
  bool Shrink(int64_t tokens);
  // Writes the file.
  absl::Status Save() const;

  int in_a_row() const { return in_a_row_; }
  int64_t pack_tokens() const { return pack_tokens_; }  // at most; 0: no loss has limited them

 private:
  std::filesystem::path file_;
  int in_a_row_ = 0;
  int64_t furthest_ = 0, pack_tokens_ = 0;
};

}  // namespace foundry::trainer
