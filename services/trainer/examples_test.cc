#include "services/trainer/examples.h"

#include <cstdlib>

#include "common/lm/model_path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::trainer {
namespace {

class ExamplesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto path = lm::ResolveModel("smollm2-135m-instruct");
    if (path.ok()) model_ = *lm::LanguageModel::Load(*path);
  }
  static void TearDownTestSuite() { model_.reset(); }
  void SetUp() override {
    if (model_ == nullptr) GTEST_SKIP() << "smollm2-135m-instruct is not here; run tools/setup.sh";
    pair_.input = "Topic: Genghis Khan. Which town did he seize?";
    pair_.target = "Otrar.";
    pair_.weight = 2;
  }
  std::string Scored(const lm::Example& example, float weight) const {
    std::vector<int32_t> ids;
    for (size_t i = 0; i < example.ids.size(); ++i) {
      if (example.loss_weights[i] == weight) ids.push_back(example.ids[i]);
    }
    return model_->tokenizer().Decode(ids, false);
  }
  static std::shared_ptr<lm::LanguageModel> model_;
  dataset::Pair pair_;
};
std::shared_ptr<lm::LanguageModel> ExamplesTest::model_;

TEST_F(ExamplesTest, AnswerWeighsFullyQuestionPartlyTemplateNothing) {
  bool cut = true;
  const auto example = PairExample(*model_, pair_, {.question_loss_weight = 0.5}, &cut);
  ASSERT_TRUE(example.ok()) << example.status();
  EXPECT_FALSE(cut);
  EXPECT_EQ(Scored(*example, 2.0f), "Otrar.<|im_end|>");
  EXPECT_EQ(Scored(*example, 1.0f), "Topic: Genghis Khan. Which town did he seize?");
  EXPECT_EQ(example->loss_weights[0], 0.0f);
}

TEST_F(ExamplesTest, PromptIsTheOneThatGenerationUses) {
  bool cut = false;
  const auto example = PairExample(*model_, pair_, {}, &cut);
  const auto prompt =
      model_->ChatPrompt({{"user", "Topic: Genghis Khan. Which town did he seize?"}});
  ASSERT_TRUE(example.ok() && prompt.ok());
  ASSERT_LT(prompt->size(), example->ids.size());
  EXPECT_TRUE(std::equal(prompt->begin(), prompt->end(), example->ids.begin()));
}

TEST_F(ExamplesTest, LongExamplesAreCutAndCounted) {
  const auto built = PairExamples(*model_, {pair_}, {.question_loss_weight = 1, .max_length = 40});
  ASSERT_TRUE(built.ok());
  EXPECT_EQ(built->cut, 1);
  ASSERT_EQ(built->examples.size(), 1u);
  EXPECT_EQ(built->examples[0].ids.size(), 40u);
}

TEST_F(ExamplesTest, PairsWithNothingToLearnAreCounted) {
  dataset::Pair weightless = pair_;
  weightless.weight = 0;
  const auto built = PairExamples(*model_, {weightless, pair_}, {});
  ASSERT_TRUE(built.ok());
  EXPECT_EQ(built->unscored, 1);
  EXPECT_EQ(built->pair_of, std::vector<size_t>{1});
}

}  // namespace
}  // namespace foundry::trainer
