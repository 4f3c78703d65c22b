// What tells one model's weights from another's.
#include "common/lm/model/weights_hash.h"

#include <memory>

#include "common/lm/model/from_checkpoint.h"
#include "common/lm/model/test_support.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

class WeightsHashTest : public ::testing::TestWithParam<WeightFormat> {};

TEST_P(WeightsHashTest, ChangesWithTheBaseAlone) {
  const auto path = testing::Golden("tiny/llama");
  if (path.empty()) GTEST_SKIP() << "no such model here (set FOUNDRY_SHARED_DIR)";
  const auto checkpoint = Checkpoint::Open(path).value();
  const auto load = [&] {
    return DecoderFromCheckpoint(*checkpoint, {.device = "cpu", .weights = GetParam()}).value();
  };
  const auto decoder = load();
  const std::string before = WeightsHash(*decoder);
  EXPECT_EQ(WeightsHash(*load()), before);
  // As merging an adapter does: norms, embeddings and head stay.
  Linear& down = decoder->layers()[0].down;
  if (down.frozen) {
    down.frozen =
        std::make_shared<const FrozenMatrix>(down.frozen->Full(at::kFloat).mul_(1.1), GetParam());
  } else {
    down.weight.mul_(1.1);
  }
  EXPECT_NE(WeightsHash(*decoder), before);
}

INSTANTIATE_TEST_SUITE_P(Formats, WeightsHashTest,
                         ::testing::Values(WeightFormat::kFull, WeightFormat::kInt8,
                                           WeightFormat::kNf4));

}  // namespace
}  // namespace foundry::lm
