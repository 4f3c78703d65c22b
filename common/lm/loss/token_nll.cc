#include "common/lm/loss/token_nll.h"

#include <algorithm>

namespace foundry::lm {
namespace {

constexpr size_t kChunkRows = 128;  // 25 MB of logits for 49,152 tokens

}  // namespace

std::vector<TokenScore> ScoreTokens(const Decoder& decoder, const at::Tensor& hidden,
                                    const std::vector<ScoredRow>& rows) {
  std::vector<TokenScore> scores;
  scores.reserve(rows.size());
  for (size_t from = 0; from < rows.size(); from += kChunkRows) {
    int64_t n = static_cast<int64_t>(std::min(kChunkRows, rows.size() - from));
    at::Tensor index = at::empty({n}, at::kLong), target = at::empty({n}, at::kLong);
    for (int64_t i = 0; i < n; ++i) {
      index.data_ptr<int64_t>()[i] = rows[from + i].row;
      target.data_ptr<int64_t>()[i] = rows[from + i].target;
    }
    at::Tensor logits = decoder.Logits(at::index_select(hidden, 0, index.to(hidden.device())));
    target = target.to(hidden.device());
    at::Tensor nll =
        (logits.logsumexp(-1) - logits.gather(1, target.unsqueeze(1)).squeeze(1)).cpu();
    at::Tensor greedy = logits.argmax(-1).eq(target).cpu();
    for (int64_t i = 0; i < n; ++i) {
      scores.push_back({nll.const_data_ptr<float>()[i], greedy.const_data_ptr<bool>()[i]});
    }
  }
  return scores;
}

}  // namespace foundry::lm
