// Negative log-likelihood of given tokens, without keeping logits of more than a few rows.
// Internal to common/lm. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/model/decoder.h"

namespace foundry::lm {

// Token `target` predicted from row `row` of the hidden states.
struct ScoredRow {
  int64_t row = 0;
  int32_t target = 0;
};
struct TokenScore {
  double nll = 0;       // nats
  bool greedy = false;  // the target is the most likely token
};

std::vector<TokenScore> ScoreTokens(const Decoder& decoder, const at::Tensor& hidden,
                                    const std::vector<ScoredRow>& rows);

}  // namespace foundry::lm
