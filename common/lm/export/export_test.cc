#include "common/lm/export/export.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/lm/export/test_models.h"
#include "common/lm/weights/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::vector<testing::TestModule> Modules() {
  std::vector<testing::TestModule> out;
  for (const char* layer : {"model.layers.0.", "model.layers.1.", "model.layers.2."}) {
    out.push_back({absl::StrCat(layer, "self_attn.q_proj"), 64, 64});
    out.push_back({absl::StrCat(layer, "mlp.down_proj"), 112, 64});
  }
  return out;
}

class ExportTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
    root_ = folder_->path();
    if (!testing::CopyTinyModel(GetParam(), root_ / "base")) {
      GTEST_SKIP() << "no reference data at " << testing::SharedDir();
    }
  }
  // Only what was there before: nothing half-written stays.
  void ExpectNothingVisible() {
    EXPECT_FALSE(fs::exists(root_ / "out"));
    for (const auto& entry : fs::directory_iterator(root_)) {
      const std::string name = entry.path().filename().string();
      EXPECT_TRUE(name == "base" || name == "adapter") << name;
    }
  }
  std::unique_ptr<TempFolder> folder_;
  fs::path root_;
};

// Every family, with what tells it from the others: RoPE tables, biases, q/k norms, fused linears.
TEST_P(ExportTest, EveryFormatComputesWhatTheBaseDoes) {
  ExportOptions options;
  options.gguf = {"f32", "f16", "q8_0"};
  auto report = MergeAndExport(root_ / "base", "", root_ / "out", options);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->files.size(), 4u);
  EXPECT_EQ(report->files[0].name, "model.safetensors");
  EXPECT_LT(report->files[0].parity.max_abs_logit, 1e-5);
  EXPECT_EQ(report->files[1].name, "model-f32.gguf");
  EXPECT_LT(report->files[1].parity.max_abs_logit, 1e-4);
  EXPECT_GT(report->files[3].parity.max_abs_logit, report->files[1].parity.max_abs_logit);
  auto parity = ReadJsonFile(root_ / "out/parity.json");
  ASSERT_TRUE(parity.ok()) << parity.status();
  EXPECT_EQ((*parity)["files"].size(), 4u);
}

INSTANTIATE_TEST_SUITE_P(Families, ExportTest,
                         ::testing::Values("llama", "llama3-rope", "mistral", "qwen2", "qwen3",
                                           "phi3", "phi3-longrope"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

class MergeTest : public ExportTest {};
INSTANTIATE_TEST_SUITE_P(Llama, MergeTest, ::testing::Values("llama"));

TEST_P(MergeTest, TheMergedModelComputesBasePlusAdapter) {
  testing::WriteAdapter(root_ / "adapter", Modules(), 0.3f);
  auto report = MergeAndExport(root_ / "base", root_ / "adapter", root_ / "out", {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_LT(report->files[0].parity.max_abs_logit, 1e-4);
  EXPECT_GT(report->adapter_effect.max_abs_logit, 0.01);
  // Again over what is there; a format less.
  ExportOptions gguf_only;
  gguf_only.hugging_face = false;
  gguf_only.gguf = {"q8_0", "f16"};
  auto again = MergeAndExport(root_ / "base", root_ / "adapter", root_ / "out/", gguf_only);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(fs::exists(root_ / "out/model.safetensors"));
  EXPECT_TRUE(fs::exists(root_ / "out/model.gguf"));
  EXPECT_TRUE(fs::exists(root_ / "out/model-q8_0.gguf"));
  EXPECT_TRUE(LanguageModel::Load(root_ / "out").ok());
}

TEST_P(MergeTest, AMergeThatChangesNothingLeavesNothing) {
  testing::WriteAdapter(root_ / "adapter", Modules(), 0);
  auto report = MergeAndExport(root_ / "base", root_ / "adapter", root_ / "out", {});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kFailedPrecondition) << report.status();
  ExpectNothingVisible();
}

TEST_P(MergeTest, ACancelledMergeLeavesNothing) {
  testing::WriteAdapter(root_ / "adapter", Modules(), 0.3f);
  ExportOptions options;
  options.on_progress = [&](int done, int, const std::string&) {
    if (done == 4) options.cancel.Cancel("stopped");
  };
  auto report = MergeAndExport(root_ / "base", root_ / "adapter", root_ / "out", options);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kCancelled) << report.status();
  ExpectNothingVisible();
}

TEST_P(MergeTest, UnknownFormatsAreRefused) {
  ExportOptions options;
  options.gguf = {"q2_k"};
  EXPECT_THAT(MergeAndExport(root_ / "base", "", root_ / "out", options).status().message(),
              HasSubstr("'q2_k' is no GGUF type"));
  options.gguf = {};
  options.hugging_face = false;
  EXPECT_FALSE(MergeAndExport(root_ / "base", "", root_ / "out", options).ok());
  ExpectNothingVisible();
}

TEST(ParityTest, FiguresAreThoseOfTheDefinitions) {
  const ProbeLogits p = {{{1, 2, {0, 0}}}}, q = {{{1, 2, {0, std::log(3.0f)}}}};
  auto same = Compare(p, p);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->max_abs_logit, 0);
  EXPECT_EQ(same->mean_kl, 0);
  auto apart = Compare(p, q);
  ASSERT_TRUE(apart.ok());
  // p = (1/2, 1/2), q = (1/4, 3/4).
  EXPECT_NEAR(apart->mean_kl, 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3.0), 1e-6);
  EXPECT_NEAR(apart->max_abs_logit, std::log(3.0), 1e-6);
  const ProbeLogits broken = {{{1, 2, {0, NAN}}}};
  EXPECT_TRUE(std::isinf(Compare(p, broken)->mean_kl));
  EXPECT_TRUE(std::isinf(Compare(p, broken)->max_abs_logit));
  EXPECT_FALSE(Compare(p, {{{1, 3, {0, 0, 0}}}}).ok());
}

// PEFT's own merge of the same adapter (merge_and_unload), in the reference data.
TEST(MergeSmolLm2Test, AgreesWithPeft) {
  const fs::path base = testing::ModelsDir() / "smollm2-135m-instruct";
  const fs::path trace = testing::SharedDir() / "data/goldens/smollm2/lora_trace";
  if (!fs::exists(base)) GTEST_SKIP() << "no model at " << base << "; run tools/setup.sh";
  if (!fs::exists(trace)) GTEST_SKIP() << "no reference data at " << trace;
  auto folder = TempFolder::Make();
  ExportOptions options;
  options.gguf = {};
  auto report = MergeAndExport(base, trace / "final", folder->path() / "merged", options);
  ASSERT_TRUE(report.ok()) << report.status();
  auto merged = LanguageModel::Load(folder->path() / "merged");
  ASSERT_TRUE(merged.ok()) << merged.status();
  auto ids = Safetensors::Open(trace / "../logits.safetensors");
  auto expected = Safetensors::Open(trace / "merged_logits.safetensors");
  ASSERT_TRUE(ids.ok() && expected.ok());
  for (const TensorView& view : (*expected)->tensors()) {
    const std::string index = view.name.substr(view.name.find('.'));
    const std::vector<float> wanted = *(*expected)->Float32(view.name);
    std::vector<int32_t> prompt;
    const std::vector<float> numbers = *(*ids)->Float32("ids" + index);
    for (const float id : numbers) prompt.push_back(static_cast<int>(id));
    auto logits = (*merged)->Logits(prompt);
    ASSERT_TRUE(logits.ok()) << logits.status();
    for (int64_t i = 0; i < logits->cols; ++i) {
      ASSERT_NEAR(logits->row(logits->rows - 1)[i], wanted[i], 1e-3) << view.name << " " << i;
    }
  }
}

}  // namespace
}  // namespace foundry::lm
