#include "common/lm/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm {
namespace {

// SplitMix64's finaliser (Steele et al., 2014): the n-th number of a seed's stream, in [0, 1).
double Uniform(uint64_t seed, uint64_t n) {
  uint64_t x = seed + (n + 1) * 0x9E3779B97F4A7C15ull;
  for (int round = 0; round < 2; ++round) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ x >> 27) * 0x94D049BB133111EBull;
    x ^= x >> 31;
  }
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

int32_t ArgMax(absl::Span<const float> x) {
  return static_cast<int32_t>(std::max_element(x.begin(), x.end()) - x.begin());
}

void Penalise(double penalty, absl::Span<const int32_t> ids, std::vector<bool>* seen,
              std::vector<float>* logits) {
  for (const int32_t id : ids) {
    if (id < 0 || id >= static_cast<int32_t>(logits->size()) || (*seen)[id]) continue;
    (*seen)[id] = true;
    float& logit = (*logits)[id];
    logit = static_cast<float>(logit < 0 ? logit * penalty : logit / penalty);
  }
}

// Index of the draw among candidates of the given weights.
size_t Draw(const std::vector<double>& weights, double total, double uniform) {
  double rest = uniform * total;
  for (size_t i = 0; i + 1 < weights.size(); ++i) {
    rest -= weights[i];
    if (rest < 0) return i;
  }
  return weights.size() - 1;
}

// The most likely candidates, best first: top_k of them, then as few as hold top_p of their mass.
std::vector<int32_t> Candidates(const std::vector<float>& logits, const GenerateRequest& request) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto better = [&](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  size_t keep = ids.size();
  if (request.top_k > 0) keep = std::min(keep, static_cast<size_t>(request.top_k));
  if (keep < ids.size()) {
    std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(keep), ids.end(),
                      better);
    ids.resize(keep);
  }
  if (request.top_p >= 1) return ids;
  const double top = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const int32_t id : ids) total += std::exp((logits[id] - top) / request.temperature);
  // Sorts a few hundred at a time until they hold the mass.
  size_t sorted = keep < logits.size() ? keep : 0, used = 0;
  double mass = 0;
  while (used < ids.size()) {
    if (used == sorted) {
      sorted = std::min(ids.size(), std::max<size_t>(256, sorted * 4));
      std::partial_sort(ids.begin() + static_cast<std::ptrdiff_t>(used),
                        ids.begin() + static_cast<std::ptrdiff_t>(sorted), ids.end(), better);
    }
    mass += std::exp((logits[ids[used++]] - top) / request.temperature);
    if (mass >= request.top_p * total) break;
  }
  ids.resize(used);
  return ids;
}

}  // namespace

SampledToken SampleToken(absl::Span<const float> logits, const GenerateRequest& request,
                         absl::Span<const int32_t> generated) {
  const double normaliser =
      simd::Rows<float>().log_sum_exp(logits.data(), static_cast<int64_t>(logits.size()));
  const auto chosen = [&](int32_t id) { return SampledToken{id, logits[id] - normaliser}; };
  const bool penalised = request.repetition_penalty != 1.0;
  if (!penalised && request.temperature <= 0) return chosen(ArgMax(logits));
  std::vector<float> scores(logits.begin(), logits.end());
  if (penalised) {
    std::vector<bool> seen(scores.size());
    Penalise(request.repetition_penalty, request.prompt, &seen, &scores);
    Penalise(request.repetition_penalty, generated, &seen, &scores);
  }
  if (request.temperature <= 0) return chosen(ArgMax(scores));
  const std::vector<int32_t> ids = Candidates(scores, request);
  const double top = *std::max_element(scores.begin(), scores.end());
  std::vector<double> weights(ids.size());
  double total = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    weights[i] = std::exp((scores[ids[i]] - top) / request.temperature);
    total += weights[i];
  }
  return chosen(ids[Draw(weights, total, Uniform(request.seed, generated.size()))]);
}

}  // namespace foundry::lm
