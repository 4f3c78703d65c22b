// Targets after contexts as packs: equal contexts are computed once. Internal to common/lm.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/lm/language_model.h"
#include "common/lm/loss/token_nll.h"

namespace foundry::lm {

struct ScorePack {
  Pack pack;
  std::vector<ScoredRow> rows;   // of every target token of the requests below, in order
  std::vector<size_t> requests;  // indexes
};

// Calls `visit` with packs that cover all requests; stops at its first error. No context or target
// is empty.
absl::Status ForScorePacks(absl::Span<const ScoreRequest> requests,
                           const std::function<absl::Status(const ScorePack&)>& visit);

}  // namespace foundry::lm
