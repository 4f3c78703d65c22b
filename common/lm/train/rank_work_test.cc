#include "common/lm/train/rank_work.h"

#include <algorithm>
#include <random>
#include <set>

#include "common/lm/distributed/test_ranks.h"
#include "common/lm/model/test_support.h"
#include "common/lm/train/gradient.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

std::vector<Example> RandomExamples(int count, std::mt19937_64& random) {
  std::vector<Example> examples(count);
  for (Example& e : examples) {
    e.ids = {1, 5, 6, 7};
    const int more = 2 + static_cast<int>(random() % 30);
    for (int i = 0; i < more; ++i) e.ids.push_back(static_cast<int32_t>(random() % 300));
    e.loss_weights.assign(e.ids.size(), 0);
    for (size_t i = 3; i < e.ids.size(); ++i) {
      e.loss_weights[i] = static_cast<float>(random() % 4) / 2;
    }
    e.loss_weights.back() = 1;
  }
  return examples;
}

std::vector<const Example*> Pointers(const std::vector<Example>& examples) {
  std::vector<const Example*> all;
  for (const Example& e : examples) all.push_back(&e);
  return all;
}

int64_t Tokens(const std::vector<const Example*>& examples) {
  int64_t tokens = 0;
  for (const Example* e : examples) tokens += static_cast<int64_t>(e->ids.size());
  return tokens;
}

TEST(RankPartTest, EveryExampleIsInOnePartAndPartsAreOfOneSize) {
  std::mt19937_64 random(3);
  for (int count : {1, 2, 7, 64}) {
    const std::vector<Example> examples = RandomExamples(count, random);
    const std::vector<const Example*> all = Pointers(examples);
    for (int size : {1, 2, 3, 8}) {
      std::multiset<const Example*> seen;
      for (int rank = 0; rank < size; ++rank) {
        const std::vector<const Example*> part = RankPart(all, rank, size);
        seen.insert(part.begin(), part.end());
        EXPECT_EQ(part, RankPart(all, rank, size));
        // Off by one example, of at most 36 tokens, at both ends.
        EXPECT_LE(Tokens(part), Tokens(all) / size + 37);
      }
      EXPECT_EQ(seen, std::multiset<const Example*>(all.begin(), all.end()));
    }
  }
}

TEST(LeastOverRanksTest, IsOnEveryRank) {
  for (const absl::Status& status : testing::RunRanks(3, [](RankGroup& group) -> absl::Status {
         int64_t value = 100 + (group.rank() == 1 ? -7 : group.rank());
         absl::Status status = LeastOverRanks(group, value);
         EXPECT_EQ(value, 93);
         return status;
       })) {
    EXPECT_TRUE(status.ok()) << status;
  }
}

// Whatever rank computes an example, and in whatever packs: the sum is one process's gradient.
TEST(RankPartTest, GradientsOfRandomSplitsAddUpToTheWhole) {
  std::mt19937_64 random(std::random_device{}());
  const auto decoder = testing::LoadDecoder(testing::Golden("tiny/llama"));
  Adapter adapter = FreshAdapter(*decoder, {.rank = 4, .alpha = 8}, 3).value();
  adapter.flat.add_(at::randn_like(adapter.flat) * 0.05);  // B is no longer zero
  AttachAdapter(adapter, 1, *decoder);
  for (int trial = 0; trial < 6; ++trial) {
    const std::vector<Example> examples = RandomExamples(3 + trial * 3, random);
    const std::vector<const Example*> all = Pointers(examples);
    at::Tensor whole = at::empty_like(adapter.flat);
    const LossSum expected = LossGradient(*decoder, adapter, all, {}, {}, whole).value();
    const size_t size = 1 + random() % 5;
    std::vector<std::vector<const Example*>> parts(size);
    for (const Example* e : all) parts[random() % size].push_back(e);
    at::Tensor sum = at::zeros_like(whole);
    double loss = 0, validation = 0;
    for (const auto& part : parts) {
      const GradientOptions options{.max_rows = 16 + static_cast<int64_t>(random() % 200),
                                    .normalizer = TotalWeight(all)};
      at::Tensor gradient = at::empty_like(whole);
      loss += LossGradient(*decoder, adapter, part, options, {}, gradient).value().loss;
      validation += MeanLoss(*decoder, part, options, {}).value().loss;
      sum.add_(gradient);
    }
    EXPECT_LT(((sum - whole).norm() / whole.norm()).item<double>(), 1e-5);
    EXPECT_NEAR(loss, expected.loss, 1e-5 * expected.loss);
    EXPECT_NEAR(validation, expected.loss, 1e-5 * expected.loss);
  }
}

}  // namespace
}  // namespace foundry::lm
