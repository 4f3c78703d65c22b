// Twelve steps of LoRA training against PEFT and PyTorch on the same weights and examples.
#include "common/base/json.h"
#include "common/lm/model/test_support.h"
#include "common/lm/train/gradient.h"
#include "common/lm/train/optimizer.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

TEST(LoraTraceTest, TwelveStepsAreThoseOfPeft) {
  auto folder = testing::Golden("smollm2/lora_trace"),
       model = testing::Model("smollm2-135m-instruct");
  if (folder.empty() || model.empty()) GTEST_SKIP() << "needs models/ and FOUNDRY_SHARED_DIR";
  auto decoder = testing::LoadDecoder(model);
  Adapter adapter = ReadAdapter(folder / "init", *decoder).value();
  Json trace = ReadJsonFile(folder / "trace.json").value();
  std::vector<Example> examples;
  for (const Json& json : trace["examples"]) {
    Example e;
    e.ids = json["prompt_ids"].get<std::vector<int32_t>>();
    e.loss_weights.assign(e.ids.size(), 0);
    for (int32_t id : json["target_ids"].get<std::vector<int32_t>>()) {
      e.ids.push_back(id);
      e.loss_weights.push_back(1);
    }
    examples.push_back(e);
  }
  std::vector<const Example*> all;
  for (const Example& e : examples) all.push_back(&e);

  TrainOptions options;
  options.learning_rate = 1e-3;
  AdamW optimizer(adapter.flat.numel());
  at::Tensor gradient = at::empty_like(adapter.flat);
  AttachAdapter(adapter, 1, *decoder);
  for (size_t step = 0; step < trace["losses"].size(); ++step) {
    LossSum sum = LossGradient(*decoder, adapter, all, {}, {}, gradient).value();
    double norm = GradientNorm(gradient);
    EXPECT_NEAR(sum.loss, trace["losses"][step], 1e-3 * sum.loss) << step;
    EXPECT_NEAR(norm, trace["grad_norms"][step], 1e-3 * norm) << step;
    optimizer.Step(options, static_cast<int64_t>(step), 1e-3, norm, gradient, adapter.flat);
    UpdateAdapter(adapter, 1, *decoder);
  }
  Adapter expected = ReadAdapter(folder / "final", *decoder).value();
  at::Tensor difference = adapter.flat - expected.flat;
  EXPECT_LT((difference.norm() / expected.flat.norm()).item<double>(), 1e-3);

  auto logits = Safetensors::Open(folder / "merged_logits.safetensors").value();
  auto prompts = Safetensors::Open(testing::Golden("smollm2/logits.safetensors")).value();
  for (int i = 0; i < 3; ++i) {
    Pack pack;
    pack.Add(testing::Ids(*prompts, "ids." + std::to_string(i)));
    at::Tensor hidden = decoder->Forward(pack);
    at::Tensor last = decoder->Logits(hidden.narrow(0, hidden.size(0) - 1, 1)).squeeze(0);
    at::Tensor want = testing::Floats(*logits, "last_logits." + std::to_string(i));
    EXPECT_LT(testing::MaxDifference(last, want), 1e-3 * want.abs().max().item<double>()) << i;
  }
}

}  // namespace
}  // namespace foundry::lm
