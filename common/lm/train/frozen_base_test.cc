// Training over base weights held in fewer bits.
#include "common/base/json.h"
#include "common/lm/model/test_support.h"
#include "common/lm/train/gradient.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

absl::StatusOr<std::unique_ptr<Decoder>> Load(const std::filesystem::path& path,
                                              WeightFormat weights,
                                              ComputeType compute = ComputeType::kFloat32) {
  auto checkpoint = Checkpoint::Open(path);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  LoadOptions options;
  options.device = "cpu";
  options.compute = compute;
  options.weights = weights;
  return DecoderFromCheckpoint(**checkpoint, options);
}

std::vector<Example> SomeExamples(int64_t vocabulary) {
  std::vector<Example> examples(6);
  for (size_t i = 0; i < examples.size(); ++i) {
    for (size_t j = 0; j < 14 + i; ++j) {
      examples[i].ids.push_back(
          static_cast<int32_t>((3 + j * j * 7 + i * 11 * (j > 4)) % vocabulary));
      examples[i].loss_weights.push_back(j > 6 ? 1.0f : 0.0f);
    }
  }
  return examples;
}

struct Result {
  double loss = 0;
  at::Tensor gradient;
};

Result Train(Decoder& decoder, const std::vector<Example>& examples) {
  Adapter adapter = FreshAdapter(decoder, {.rank = 4, .alpha = 8}, 3).value();
  for (AdapterModule& module : adapter.modules) module.b.fill_(0.01);
  AttachAdapter(adapter, 1, decoder);
  std::vector<const Example*> all;
  for (const Example& e : examples) all.push_back(&e);
  Result result;
  result.gradient = at::empty_like(adapter.flat);
  result.loss = LossGradient(decoder, adapter, all, {}, {}, result.gradient).value().loss;
  DetachAdapter(decoder);
  return result;
}

double RelativeDifference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

class FrozenBaseTest : public ::testing::TestWithParam<WeightFormat> {};

// A decoder of full weights that have the values of the frozen ones trains alike.
TEST_P(FrozenBaseTest, TrainsAsItsValuesDo) {
  const auto path = testing::Golden("tiny/qwen2");
  if (path.empty()) GTEST_SKIP() << "no such model here (set FOUNDRY_SHARED_DIR)";
  auto frozen = Load(path, GetParam()).value();
  auto plain = Load(path, WeightFormat::kFull).value();
  const std::vector<Example> examples = SomeExamples(frozen->config().vocab_size);
  const double before = Train(*plain, examples).loss;
  for (size_t l = 0; l < plain->layers().size(); ++l) {
    Layer &to = plain->layers()[l], &from = frozen->layers()[l];
    for (auto [a, b] : {std::pair(&to.qkv, &from.qkv), std::pair(&to.o, &from.o),
                        std::pair(&to.gate_up, &from.gate_up), std::pair(&to.down, &from.down)}) {
      ASSERT_TRUE(b->frozen);
      a->weight = b->frozen->Full(at::kFloat);
    }
  }
  const Result expected = Train(*plain, examples), got = Train(*frozen, examples);
  EXPECT_NE(got.loss, before);
  EXPECT_NEAR(got.loss, expected.loss, 1e-6 * expected.loss);
  EXPECT_LT(RelativeDifference(got.gradient, expected.gradient), 1e-5);

  // In bfloat16 the same but for rounding.
  auto half = frozen->WithCompute(at::kBFloat16);
  const Result rounded = Train(*half, examples);
  EXPECT_NEAR(rounded.loss, expected.loss, 0.01 * expected.loss);
  EXPECT_LT(RelativeDifference(rounded.gradient, expected.gradient), 0.05);
}

TEST_P(FrozenBaseTest, LossIsNearTheUnquantisedOne) {
  const auto path = testing::Model("smollm2-135m-instruct");
  const auto trace = testing::Golden("smollm2/lora_trace/trace.json");
  if (path.empty() || trace.empty()) GTEST_SKIP() << "needs models/ and FOUNDRY_SHARED_DIR";
  const Json json = ReadJsonFile(trace).value();
  std::vector<Example> examples;
  for (const Json& e : json["examples"]) {
    Example& example = examples.emplace_back();
    example.ids = e["prompt_ids"].get<std::vector<int32_t>>();
    example.loss_weights.assign(example.ids.size(), 0);
    for (int32_t id : e["target_ids"].get<std::vector<int32_t>>()) {
      example.ids.push_back(id);
      example.loss_weights.push_back(1);
    }
  }
  auto decoder = Load(path, GetParam(), ComputeType::kBFloat16).value();
  const double whole = json["losses"][0].get<double>();
  std::vector<const Example*> all;
  for (const Example& e : examples) all.push_back(&e);
  const double loss = MeanLoss(*decoder, all, {}, {}).value().loss;
  EXPECT_NEAR(loss, whole, (GetParam() == WeightFormat::kInt8 ? 0.02 : 0.1) * whole);
  EXPECT_NE(loss, whole);
}

INSTANTIATE_TEST_SUITE_P(Formats, FrozenBaseTest,
                         ::testing::Values(WeightFormat::kInt8, WeightFormat::kNf4));

}  // namespace
}  // namespace foundry::lm
