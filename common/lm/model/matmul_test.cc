#include "common/lm/model/matmul.h"

#include <ATen/Parallel.h>

#include "common/lm/model/frozen_matrix.h"
#include "common/lm/model/simd/pack_kernels.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

// bfloat16 values in a matrix whose rows lie further apart than they are long.
at::Tensor Random(int64_t rows, int64_t columns) {
  return at::randn({rows, columns + 3}).to(at::kBFloat16).narrow(1, 0, columns);
}

double Difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kFloat) - b).abs().max().item<double>() / b.abs().max().item<double>();
}

constexpr double kSums = 1e-5;     // of float32 sums in another order
constexpr double kRounded = 5e-3;  // of those rounded to bfloat16

struct Sizes {
  int64_t m, n, k;
};

class MatmulTest : public ::testing::TestWithParam<Sizes> {};

TEST_P(MatmulTest, ProductsAreThoseOfFloat32) {
  const auto [m, n, k] = GetParam();
  const at::Tensor x = Random(m, k), w = Random(n, k), right = Random(k, n), y = Random(m, n);
  const at::Tensor exact = at::mm(x.to(at::kFloat), w.to(at::kFloat).t());
  at::Tensor rounded = at::empty({m, n + 5}, at::kBFloat16).narrow(1, 2, n);
  matmul::Transposed(x, w, rounded);
  EXPECT_LT(Difference(rounded, exact), kRounded);

  const at::Tensor plain = at::mm(x.to(at::kFloat), right.to(at::kFloat));
  matmul::Plain(x, {right}, rounded);
  EXPECT_LT(Difference(rounded, plain), kRounded);
  at::Tensor sum = at::ones({m, n});
  matmul::Plain(x, {right}, sum, true);
  const bool exact_sums = simd::Packing() != nullptr;
  EXPECT_LT(Difference(sum, plain + 1), exact_sums && k % 2 == 0 ? kSums : kRounded);
  if (k >= 4) {
    const int64_t split = k / 4 * 2;
    matmul::Plain(x, {right.narrow(0, 0, split), right.narrow(0, split, k - split)}, rounded);
    EXPECT_LT(Difference(rounded, plain), kRounded);
  }

  const at::Tensor outer = at::mm(x.to(at::kFloat).t(), y.to(at::kFloat)) * 0.5;
  at::Tensor out = at::zeros({k, n}), flipped = at::zeros({n, k});
  matmul::Outer(x, y, 0.5, false, out);
  matmul::Outer(x, y, 0.5, true, flipped);
  const double bound = exact_sums ? kSums : kRounded;
  EXPECT_LT(Difference(out, outer), bound);
  EXPECT_LT(Difference(flipped, outer.t()), bound);
}

INSTANTIATE_TEST_SUITE_P(Sizes, MatmulTest,
                         ::testing::Values(Sizes{1, 1, 2}, Sizes{14, 32, 64}, Sizes{61, 33, 50},
                                           Sizes{100, 96, 31}, Sizes{130, 200, 96},
                                           Sizes{57, 40, 5000}));

TEST(MatmulTest, DoesNotDependOnTheThreads) {
  const at::Tensor x = Random(200, 640), w = Random(48, 640);
  const int threads = at::get_num_threads();
  at::Tensor results[2];
  for (int i = 0; i < 2; ++i) {
    at::set_num_threads(i == 0 ? 1 : 3);
    results[i] = at::empty({200, 48}, at::kBFloat16);
    matmul::Transposed(x, w, results[i]);
  }
  at::set_num_threads(threads);
  if (simd::Packing() == nullptr) GTEST_SKIP() << "the products of libraries may";
  EXPECT_TRUE(at::equal(results[0], results[1]));
}

class FrozenTest : public ::testing::TestWithParam<WeightFormat> {};

TEST_P(FrozenTest, ValuesAreTheNearestOfTheirFormat) {
  at::Tensor w = at::randn({37, 200});
  w.select(0, 5).zero_();
  const FrozenMatrix frozen(w, GetParam());
  const at::Tensor full = frozen.Full(at::kFloat);
  // Of the largest value that shares the scale: half a step of 1/127, half the widest gap of nf4.
  const bool nf4 = GetParam() == WeightFormat::kNf4;
  const double bound = nf4 ? (1 - 0.6961928) / 2 : 0.5 / 127;
  for (int64_t i = 0; i < w.size(0); ++i) {
    for (int64_t from = 0; from < 200; from += nf4 ? 64 : 200) {
      const int64_t n = nf4 ? std::min<int64_t>(64, 200 - from) : 200;
      const at::Tensor exact = w.select(0, i).narrow(0, from, n);
      const double largest = exact.abs().max().item<double>();
      const double error =
          (full.select(0, i).narrow(0, from, n) - exact).abs().max().item<double>();
      EXPECT_LE(error, largest * (bound + 0.005)) << i << " " << from;  // and bfloat16's rounding
    }
  }
  EXPECT_EQ(full.select(0, 5).abs().max().item<double>(), 0);
  EXPECT_LT(frozen.bytes(), nf4 ? 37 * 200 * 0.75 : 37 * 205);
  // A part is the part of the whole.
  std::vector<uint16_t> part(3 * 80);
  frozen.Read(7, 3, 96, 80, part.data(), 80);
  const at::Tensor read = at::from_blob(part.data(), {3, 80}, at::kBFloat16).to(at::kFloat);
  EXPECT_TRUE(at::equal(read, full.narrow(0, 7, 3).narrow(1, 96, 80)));
}

TEST_P(FrozenTest, ProductsAreThoseOfItsValues) {
  const int64_t rows = 70, in = 128, extra = 6, out = 90;
  const FrozenMatrix frozen(at::randn({out, in}), GetParam());
  const at::Tensor full = frozen.Full(at::kFloat), more = Random(out, extra);
  for (const at::ScalarType type : {at::kBFloat16, at::kFloat}) {
    const at::Tensor x = Random(rows, in + extra).to(type), b = more.to(type);
    at::Tensor y = at::empty({rows, out}, type);
    matmul::Transposed(x, frozen, b, y);
    const at::Tensor wide = at::cat({full, more.to(at::kFloat)}, 1);
    EXPECT_LT(Difference(y, at::mm(x.to(at::kFloat), wide.t())), kRounded);

    const at::Tensor dy = Random(rows, out + extra).to(type), a = Random(extra, in).to(type);
    at::Tensor dx = at::empty({rows, in}, type);
    matmul::Plain(dy, frozen, {a}, dx);
    const at::Tensor tall = at::cat({full, a.to(at::kFloat)});
    EXPECT_LT(Difference(dx, at::mm(dy.to(at::kFloat), tall)), kRounded);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, FrozenTest,
                         ::testing::Values(WeightFormat::kInt8, WeightFormat::kNf4));

}  // namespace
}  // namespace foundry::lm
