#include "services/trainer/soft_teacher.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "common/base/files.h"
#include "common/lm/model_path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::trainer {
namespace {

class SoftTeacherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = lm::ResolveModel("smollm2-135m-instruct");
    if (!path.ok()) GTEST_SKIP() << "smollm2-135m-instruct is not here; run tools/setup.sh";
    student_ = *lm::LanguageModel::Load(*path);
    dataset::Pair pair;
    pair.input = "Which town was seized first?";
    pair.target = "Otrar.";
    pair.source = {.document = "Genghis Khan", .passage = "The army seized the town of Otrar."};
    pairs_ = {pair, pair};
    pairs_[1].source.passage.clear();
    built_ = PairExamples(*student_, pairs_, {.question_loss_weight = 0.5}).value();
  }
  std::shared_ptr<lm::LanguageModel> student_;
  std::vector<dataset::Pair> pairs_;
  BuiltExamples built_;
};

TEST_F(SoftTeacherTest, AnswersOfPairsWithAPassageGetDistributions) {
  const TempFolder cache = TempFolder::Make().value();
  BuiltExamples again = built_;
  auto report = AddSoftTargets("smollm2-135m-instruct", student_, pairs_, {}, 2.0, CancelToken(),
                               built_, {cache.path()});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->targets, 1);
  EXPECT_EQ(report->reused, 0);
  report = AddSoftTargets("smollm2-135m-instruct", student_, pairs_, {}, 2.0, CancelToken(), again,
                          {cache.path()});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->reused, 1);
  EXPECT_EQ(again.examples[0].soft->logprobs, built_.examples[0].soft->logprobs);
  EXPECT_EQ(built_.examples[1].soft, nullptr);
  const lm::SoftTargets& soft = *built_.examples[0].soft;
  const auto& weights = built_.examples[0].loss_weights;
  const size_t scored =
      std::count_if(weights.begin(), weights.end(), [](float w) { return w > 0; });
  ASSERT_EQ(soft.ids.size(), scored * soft.k);
  const size_t answer = std::count(weights.begin(), weights.end(), 1.0f);
  for (size_t i = 0; i < scored; ++i) {
    EXPECT_EQ(soft.ids[i * soft.k] >= 0, i >= scored - answer) << i;
    if (i < scored - answer) continue;
    double mass = 0;
    for (int j = 0; j < soft.k; ++j) mass += std::exp(soft.logprobs[i * soft.k + j]);
    EXPECT_GT(mass, 0.02);
    EXPECT_LE(mass, 1.0001);
  }
}

TEST_F(SoftTeacherTest, WhereAnotherRunUsesTheSharedCacheTheNextOneIsTaken) {
  const TempFolder folder = TempFolder::Make().value();
  const auto shared = folder.path() / "shared", own = folder.path() / "own";
  const auto reused = [&](const std::vector<std::filesystem::path>& caches) {
    BuiltExamples built = built_;
    const auto report = AddSoftTargets("smollm2-135m-instruct", student_, pairs_, {}, 2.0,
                                       CancelToken(), built, caches);
    EXPECT_TRUE(report.ok()) << report.status();
    EXPECT_NE(built.examples[0].soft, nullptr);
    return report.ok() ? report->reused : -1;
  };
  EXPECT_EQ(reused({shared, own}), 0);
  EXPECT_FALSE(std::filesystem::exists(own));
  const auto file = std::filesystem::directory_iterator(shared)->path();
  const int held = open(file.c_str(), O_RDWR);
  ASSERT_EQ(flock(held, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(reused({shared, own}), 0);
  EXPECT_EQ(reused({shared, own}), 1);
  EXPECT_EQ(reused({shared}), 0) << "computed without any";
  close(held);
  EXPECT_EQ(reused({shared, own}), 1);
}

TEST_F(SoftTeacherTest, NoneAndAPoorTeacherLeaveExamplesAsTheyAre) {
  auto none = AddSoftTargets("none", student_, pairs_, {}, 2.0, CancelToken(), built_);
  EXPECT_EQ(none->targets, 0);
  pairs_[0].target = "words that no model would say of it";
  auto probed = AddSoftTargets("auto", student_, pairs_, {}, 2.0, CancelToken(), built_);
  ASSERT_TRUE(probed.ok()) << probed.status();
  EXPECT_TRUE(probed->probed);
  EXPECT_EQ(probed->targets, 0);
  EXPECT_THAT(probed->message, ::testing::HasSubstr("off"));
  EXPECT_EQ(built_.examples[0].soft, nullptr);
}

TEST_F(SoftTeacherTest, PassagesLongerThanTheContextAreNoReading) {
  for (int i = 0; i < 20000; ++i) pairs_[0].source.passage += " town";
  auto probed = AddSoftTargets("auto", student_, pairs_, {}, 2.0, CancelToken(), built_);
  ASSERT_TRUE(probed.ok()) << probed.status();
  EXPECT_FALSE(probed->probed);
  EXPECT_THAT(probed->message, ::testing::HasSubstr("off"));
}

}  // namespace
}  // namespace foundry::trainer
