#include "common/lm/language_model.h"

#include "common/base/json.h"
#include "common/lm/model/test_support.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

class SmolLm2Test : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto folder = testing::Model("smollm2-135m-instruct");
    if (!folder.empty()) model_ = LanguageModel::Load(folder, {.device = "cpu"}).value();
  }
  static void TearDownTestSuite() { model_.reset(); }
  void SetUp() override {
    if (!model_ || testing::Golden("smollm2/logits.safetensors").empty()) {
      GTEST_SKIP() << "needs models/ (tools/setup.sh) and FOUNDRY_SHARED_DIR";
    }
  }
  static std::shared_ptr<LanguageModel> model_;
};
std::shared_ptr<LanguageModel> SmolLm2Test::model_;

TEST_F(SmolLm2Test, PerplexityIsThatOfTransformers) {
  Json golden = ReadJsonFile(testing::Golden("smollm2/perplexity.json")).value();
  std::vector<int32_t> ids = model_->tokenizer().Encode(golden["text"].get<std::string>());
  EXPECT_NEAR(model_->MeanNll(ids).value(), golden["mean_nll"].get<double>(), 1e-4);
}

TEST_F(SmolLm2Test, LogitsHaveOneRowPerPosition) {
  auto file = Safetensors::Open(testing::Golden("smollm2/logits.safetensors")).value();
  FloatMatrix logits = model_->Logits(testing::Ids(*file, "ids.1")).value();
  std::vector<float> expected = file->Float32("last_logits.1").value();
  ASSERT_EQ(logits.cols, static_cast<int64_t>(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(logits.row(logits.rows - 1)[i], expected[i], 1e-3) << i;
  }
}

TEST_F(SmolLm2Test, SharedContextsGiveTheSameScores) {
  std::vector<int32_t> context = model_->tokenizer().Encode("The capital of France is");
  std::vector<ScoreRequest> requests;
  for (const char* target : {" Paris.", " London", " the city of light"}) {
    requests.push_back({context, model_->tokenizer().Encode(target)});
  }
  std::vector<ScoreResult> together = model_->Score(requests).value();
  for (size_t i = 0; i < requests.size(); ++i) {
    ScoreResult alone = model_->Score({&requests[i], 1}).value()[0];
    EXPECT_NEAR(together[i].nll, alone.nll, 1e-3);
    EXPECT_EQ(together[i].greedy, alone.greedy);
  }
  EXPECT_LT(together[0].nll, together[1].nll);
}

TEST_F(SmolLm2Test, BadIdsAreRefused) {
  EXPECT_EQ(model_->Logits({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(model_->Logits({1 << 20}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace foundry::lm
