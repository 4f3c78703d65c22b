// DoRA beside PEFT's on the same small models: the same losses, gradient norms and adapters, files
// that both read, and the same merged weights. Skipped where PEFT isn't installed.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/subprocess.h"
#include "common/lm/export/export.h"
#include "common/lm/export/test_models.h"
#include "common/lm/trainer.h"
#include "common/lm/weights/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using testing::SourceDir;

struct Case {
  std::string name, family;
  std::vector<std::string> targets;
  bool rslora = false;
};

std::vector<Example> Examples() {
  std::vector<Example> examples(9);
  for (size_t i = 0; i < examples.size(); ++i) {
    for (size_t j = 0; j < 8 + i; ++j) {
      examples[i].ids.push_back(static_cast<int32_t>(3 + (j * j * 7 + i * 11 * (j > 3)) % 240));
      examples[i].loss_weights.push_back(j < 4 ? 0 : j % 2 ? 1 : 0.5f);
    }
  }
  return examples;
}

// |a - b| / |b| over all tensors; they must have the same names.
double Difference(const fs::path& a, const fs::path& b) {
  const auto first = Safetensors::Open(a / "adapter_model.safetensors");
  const auto second = Safetensors::Open(b / "adapter_model.safetensors");
  EXPECT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  if (!first.ok() || !second.ok()) return INFINITY;
  EXPECT_EQ((*first)->tensors().size(), (*second)->tensors().size());
  double difference = 0, norm = 0;
  for (const TensorView& tensor : (*second)->tensors()) {
    const auto x = (*first)->Float32(tensor.name), y = (*second)->Float32(tensor.name);
    EXPECT_TRUE(x.ok()) << x.status();
    if (!x.ok() || !y.ok()) return INFINITY;
    EXPECT_EQ(x->size(), y->size());
    for (size_t i = 0; i < y->size(); ++i) {
      difference += std::pow(x->at(i) - y->at(i), 2);
      norm += std::pow(y->at(i), 2);
    }
  }
  return std::sqrt(difference / norm);
}

double LargestDifference(const FloatMatrix& ours, const Json& theirs) {
  double largest = 0;
  EXPECT_EQ(static_cast<size_t>(ours.rows), theirs.size());
  for (int64_t i = 0; i < ours.rows; ++i) {
    const auto row = theirs[static_cast<size_t>(i)].get<std::vector<float>>();
    for (int64_t j = 0; j < ours.cols; ++j) {
      largest = std::max(largest, std::fabs(static_cast<double>(ours.row(i)[j]) - row.at(j)));
    }
  }
  return largest;
}

class PeftDoraTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    python_ = SourceDir() / ".deps/venv/bin/python";
    if (!fs::exists(python_) ||
        std::system((python_.string() + " -c 'import peft' 2>/dev/null").c_str()) != 0) {
      GTEST_SKIP() << "PEFT is not installed; run tools/setup.sh --tests";
    }
    folder_ = std::make_unique<TempFolder>(TempFolder::Make().value());
    if (!testing::CopyTinyModel(GetParam().family, folder_->path() / "base")) {
      GTEST_SKIP() << "no reference data at " << testing::SharedDir();
    }
  }
  fs::path At(const std::string& name) const { return folder_->path() / name; }
  Json Peft(const std::string& mode, const Json& request) {
    EXPECT_TRUE(WriteJsonFile(At("request.json"), request).ok());
    SubprocessOptions options;
    options.argv = {python_.string(),
                    (SourceDir() / "tests/integration/peers/peft_dora.py").string(), mode,
                    At("request.json").string()};
    options.environment = {"HF_HUB_OFFLINE=1", "OMP_WAIT_POLICY=passive"};
    options.timeout = absl::Seconds(200);
    const auto result = RunSubprocess(options);
    if (!result.ok() || !result->ok()) {
      ADD_FAILURE() << (result.ok() ? result->Describe() + "\n" + result->errors
                                    : result.status().ToString());
      return Json::object();
    }
    return result->output.empty() ? Json::object() : ParseJson(result->output, "PEFT").value();
  }

  fs::path python_;
  std::unique_ptr<TempFolder> folder_;
};

TEST_P(PeftDoraTest, TwelveStepsFilesAndMergedWeightsAreThoseOfPeft) {
  const std::vector<Example> examples = Examples();
  const std::vector<int32_t> prompt = {1, 5, 17, 40, 8, 100, 31};
  Json request = {{"base", At("base").string()},
                  {"init", At("init").string()},
                  {"final", At("theirs").string()},
                  {"theirs", At("run/final").string()},
                  {"targets", GetParam().targets},
                  {"rslora", GetParam().rslora},
                  {"prompt", prompt},
                  {"examples", Json::array()}};
  for (const Example& e : examples) {
    request["examples"].push_back({{"ids", e.ids}, {"weights", e.loss_weights}});
  }
  Peft("init", request);

  auto base = LanguageModel::Load(At("base"));
  ASSERT_TRUE(base.ok()) << base.status();
  TrainOptions options;
  options.lora.dora = true;
  options.init_adapter = At("init").string();
  options.learning_rate = 1e-2;
  options.schedule = "cosine";
  options.epochs = 12;
  options.batch_size = static_cast<int>(examples.size());
  options.compute = ComputeType::kFloat32;
  std::vector<StepReport> steps;
  TrainHooks hooks;
  hooks.on_step = [&](const StepReport& step) { steps.push_back(step); };
  const auto summary = Train(**base, examples, {}, options, At("run"), hooks, CancelToken());
  ASSERT_TRUE(summary.ok()) << summary.status();
  ASSERT_EQ(steps.size(), 12u);

  request["rates"] = Json::array();
  for (const StepReport& step : steps) request["rates"].push_back(step.learning_rate);
  const Json peft = Peft("train", request);
  ASSERT_TRUE(peft.contains("merged"));
  for (size_t i = 0; i < steps.size(); ++i) {
    const double loss = peft["losses"][i], norm = peft["norms"][i];
    EXPECT_NEAR(steps[i].loss, loss, 1e-4 * loss) << i;
    EXPECT_NEAR(steps[i].grad_norm, norm, 1e-3 * norm) << i;
  }
  EXPECT_LT(steps.back().loss, 0.98 * steps.front().loss);
  EXPECT_LT(Difference(At("run/final"), At("theirs")), 1e-3);

  // PEFT's file here, ours there (by PEFT's own loader), and both merged.
  auto ours = LanguageModel::Load(At("base"), {.adapter = At("run/final").string()});
  ASSERT_TRUE(ours.ok()) << ours.status();
  EXPECT_LT(LargestDifference((*ours)->Logits(prompt).value(), peft["attached"]), 2e-4);
  auto theirs = LanguageModel::Load(At("base"), {.adapter = At("theirs").string()});
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  EXPECT_LT(LargestDifference((*theirs)->Logits(prompt).value(), peft["attached"]), 2e-2);
  ExportOptions to;
  to.hugging_face = false;
  to.gguf = {"f32"};
  const auto exported = MergeAndExport(At("base"), At("run/final"), At("merged"), to);
  ASSERT_TRUE(exported.ok()) << exported.status();
  const auto merged = LanguageModel::Load(At("merged") / "model.gguf");
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_LT(LargestDifference((*merged)->Logits(prompt).value(), peft["merged"]), 2e-4);
}

INSTANTIATE_TEST_SUITE_P(
    Models, PeftDoraTest,
    ::testing::Values(Case{"AllLinears",
                           "llama",
                           {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj",
                            "down_proj"}},
                      Case{"BiasesAndFewModules", "qwen2", {"k_proj", "o_proj", "up_proj"}, true}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace foundry::lm
