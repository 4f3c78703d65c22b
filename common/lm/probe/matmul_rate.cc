#include "common/lm/probe/matmul_rate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

namespace foundry::lm {
namespace {

constexpr int64_t kRows = 1024, kInner = 576, kColumns = 1536;  // SmolLM2's up projection
constexpr auto kLongest = std::chrono::milliseconds(200);

double Rate(at::ScalarType type) {
  const at::Tensor a = at::ones({kRows, kInner}, type);
  const at::Tensor b = at::ones({kInner, kColumns}, type);
  at::Tensor out = at::mm(a, b);  // warms up
  const auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double> spent{};
  int64_t products = 0;
  do {
    at::mm_out(out, a, b);
    ++products;
    spent = std::chrono::steady_clock::now() - start;
  } while (spent < kLongest);
  return 2.0 * kRows * kInner * kColumns * products / spent.count();
}

}  // namespace

double MeasureMatmulRate() {
  return std::max(Rate(at::ScalarType::Float), Rate(at::ScalarType::BFloat16));
}

}  // namespace foundry::lm
