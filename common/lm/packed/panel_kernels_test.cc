#include "common/lm/model/simd/panel_kernels.h"

#include <cmath>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/packed/matrix.h"
#include "gtest/gtest.h"

namespace foundry::lm::packed {
namespace {

using simd::bf16;
using simd::kPanelColumns;

template <typename T>
class PanelKernelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kernels_ = simd::Panels<T>();
    if (kernels_ == nullptr) GTEST_SKIP() << "this processor has no such instructions";
    at::manual_seed(5);
  }
  static constexpr at::ScalarType kType = sizeof(T) == 2 ? at::kBFloat16 : at::kFloat;
  const simd::PanelKernels<T>* kernels_ = nullptr;
};
using Types = ::testing::Types<float, bf16>;
TYPED_TEST_SUITE(PanelKernelsTest, Types);

// Every number of rows that a block of registers may end with, edges that are no whole panels.
TYPED_TEST(PanelKernelsTest, ProductsAreThoseOfLibtorch) {
  for (const int64_t k : {1, 7, 48, 130}) {
    const at::Tensor w = at::randn({100, k}).to(this->kType);
    const Matrix<TypeParam> packed = Pack<TypeParam>(w);
    EXPECT_EQ(packed.panels(), 3);
    for (const int64_t m : {1, 2, 3, 5, 8, 13, 23}) {
      at::Tensor a = at::zeros({m, packed.k}, this->kType);
      a.narrow(1, 0, k).copy_(at::randn({m, k}));
      at::Tensor c = at::ones({m, packed.width()});
      for (const bool accumulate : {false, true}) {
        for (int64_t p = 0; p < packed.panels(); ++p) {
          this->kernels_->multiply(m, packed.k, kPanelColumns,
                                   static_cast<const TypeParam*>(a.const_data_ptr()), packed.k,
                                   packed.panel(p), c.data_ptr<float>() + p * kPanelColumns,
                                   packed.width(), accumulate);
        }
        at::Tensor expected = at::mm(a.narrow(1, 0, k).to(at::kDouble), w.to(at::kDouble).t());
        if (accumulate) expected = expected * 2;
        EXPECT_LT((c.narrow(1, 0, 100) - expected).abs().max().item<double>(), 1e-4)
            << m << " rows, k " << k;
      }
    }
  }
}

TYPED_TEST(PanelKernelsTest, PanelsOfEveryWidth) {
  constexpr int64_t kTogether = simd::kTogether<TypeParam>;
  for (const int64_t columns : {16, 32, 48, 64}) {
    const int64_t k = 6, m = 7;
    const at::Tensor w = at::randn({k, columns}).to(this->kType);
    const at::Tensor a = at::randn({m, k}).to(this->kType);
    const at::Tensor panel =
        w.view({k / kTogether, kTogether, columns}).transpose(1, 2).contiguous();
    at::Tensor c = at::empty({m, columns});
    this->kernels_->multiply(m, k, columns, static_cast<const TypeParam*>(a.const_data_ptr()), k,
                             static_cast<const TypeParam*>(panel.const_data_ptr()),
                             c.data_ptr<float>(), columns, false);
    const at::Tensor expected = at::mm(a.to(at::kDouble), w.to(at::kDouble));
    EXPECT_LT((c - expected).abs().max().template item<double>(), 1e-5) << columns;
  }
}

TEST(PanelHelpersTest, FoldFindsTheFirstLargestAndTheSum) {
  const simd::PanelKernels<float>& kernels = *simd::Panels<float>();
  const std::vector<float> x = {-3, 2, 5, 1, 5, -80, 4};
  simd::TopState state;
  kernels.fold(x.data(), 3, 10, &state);
  kernels.fold(x.data() + 3, 4, 13, &state);
  EXPECT_EQ(state.at, 12);
  double sum = 0;
  for (const float value : x) sum += std::exp(value - 5.0);
  EXPECT_NEAR(state.sum, sum, 1e-5);
}

TEST(PanelHelpersTest, GeluAndLayerNormAreThoseOfLibtorch) {
  const simd::PanelKernels<float>& kernels = *simd::Panels<float>();
  const at::Tensor x = at::linspace(-9, 9, 1001), out = at::empty_like(x);
  kernels.gelu(x.const_data_ptr<float>(), 1001, out.data_ptr<float>());
  EXPECT_LT((out - at::gelu(x)).abs().max().item<double>(), 1e-6);
  const at::Tensor weight = at::rand({1001}), bias = at::rand({1001});
  kernels.layer_norm(x.const_data_ptr<float>(), weight.const_data_ptr<float>(),
                     bias.const_data_ptr<float>(), 1e-5f, 1001, out.data_ptr<float>());
  EXPECT_LT((out - at::layer_norm(x, {1001}, weight, bias, 1e-5)).abs().max().item<double>(), 1e-5);
}

}  // namespace
}  // namespace foundry::lm::packed
