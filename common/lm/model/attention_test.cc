// The CPU's blocks against ATen matmuls, forward and backward.
#include "common/lm/model/attention.h"

#include "common/lm/model/attention_paths.h"
#include "common/lm/model/test_support.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using testing::MaxDifference;

struct Case {
  AttentionShape shape;
  std::vector<int64_t> lengths;  // the first is every other's prefix where `prefixed`
  bool prefixed = false;
};

class AttentionTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    for (int64_t length : c.lengths) rows_ += length;
    q_ = at::randn({rows_, c.shape.heads * c.shape.head_dim});
    k_ = at::randn({rows_, c.shape.kv_heads * c.shape.head_dim});
    v_ = at::randn_like(k_);
    int64_t begin = 0;
    for (int64_t length : c.lengths) {
      AttentionTask task{begin, length, {}};
      if (c.prefixed && begin > 0) task.ranges.push_back({k_, v_, 0, 0, c.lengths[0]});
      task.ranges.push_back({k_, v_, begin, begin, length});
      tasks_.push_back(task);
      begin += length;
    }
  }
  int64_t rows_ = 0;
  at::Tensor q_, k_, v_;
  std::vector<AttentionTask> tasks_;
};

TEST_P(AttentionTest, BothPathsAgree) {
  const AttentionShape& shape = GetParam().shape;
  at::Tensor out = at::zeros_like(q_), expected = at::zeros_like(q_), lse, expected_lse;
  AttendCpu(shape, q_, tasks_, out, &lse);
  AttendAten(shape, q_, tasks_, expected, &expected_lse);
  EXPECT_LT(MaxDifference(out, expected), 2e-5);
  EXPECT_LT(MaxDifference(lse, expected_lse), 2e-5);

  at::Tensor half = at::zeros_like(q_, at::kBFloat16);
  AttendCpu(shape, q_, tasks_, half, nullptr);
  EXPECT_LT(MaxDifference(half.to(at::kFloat), expected), 3e-2);

  at::Tensor dout = at::randn_like(q_);
  auto backward = [&](auto path) {
    std::vector<at::Tensor> d = {at::zeros_like(q_), at::zeros_like(k_), at::zeros_like(v_)};
    path(shape, q_, k_, v_, tasks_, expected, expected_lse, dout, d[0], d[1], d[2]);
    return d;
  };
  auto fast = backward(AttendBackwardCpu), reference = backward(AttendBackwardAten);
  for (int i = 0; i < 3; ++i) EXPECT_LT(MaxDifference(fast[i], reference[i]), 1e-4) << i;
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest,
                         ::testing::Values(Case{{4, 2, 16, {}}, {1, 7, 33}},
                                           Case{{9, 3, 64, {}}, {24, 5, 40, 130}, true},
                                           Case{{4, 4, 20, {}}, {50}},
                                           Case{{4, 2, 16, 8}, {20, 3, 90}, true},
                                           Case{{2, 1, 96, 5}, {2, 1}, true},
                                           // Beginnings that are computed for all queries at once.
                                           Case{{9, 3, 64, {}}, {600, 1, 1, 30, 70}, true},
                                           Case{{4, 4, 20, {}}, {50, 1, 2, 64}, true}));

}  // namespace
}  // namespace foundry::lm
