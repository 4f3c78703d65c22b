// Independent pieces of work over the threads that libtorch uses. Internal to common/lm.
#pragma once

#include <cstdint>

namespace foundry::lm::packed {

// f(i) for i in [0, n), in any order, each once; pieces are handed out as threads become free. f
// must not throw.
template <typename F>
void ForUnits(int64_t n, F f) {
#pragma omp parallel for schedule(dynamic, 1) if (n > 1)
  for (int64_t i = 0; i < n; ++i) f(i);
}

// Blocks of at most `step` of [0, n): f(begin, end).
template <typename F>
void ForBlocks(int64_t n, int64_t step, F f) {
  const int64_t blocks = (n + step - 1) / step;
  ForUnits(blocks, [&](int64_t b) { f(b * step, b * step + step < n ? b * step + step : n); });
}

}  // namespace foundry::lm::packed
