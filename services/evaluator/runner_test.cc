#include "services/evaluator/runner.h"

#include "absl/strings/match.h"
#include "common/base/files.h"
#include "common/dataset/io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/evaluator/fake_models.h"

namespace foundry::evaluator {
namespace {

using ::testing::HasSubstr;

class RunnerTest : public ::testing::Test {
 protected:
  static TestSet Questions(int n) {
    TestSet set;
    set.name = "towns";
    for (int i = 0; i < n; ++i) {
      Item item;
      item.id = std::to_string(i);
      item.question = "Which town is number " + std::to_string(i) + "?";
      item.topic = "Towns";
      item.type = "which";
      item.golds = {"town" + std::to_string(i)};
      set.items.push_back(item);
    }
    return set;
  }
  absl::StatusOr<RunResult> Run(const std::shared_ptr<chat::ChatModel>& model, int questions,
                                RunOptions options = {}) {
    RunModels models;
    models.model = model;
    options.label = "base";
    options.batch_size = 1;
    return RunEvaluation({Questions(questions)}, documents_, models, options, hooks_,
                         folder_.path() / "scratch", folder_.path() / "out");
  }
  void SetUp() override { ASSERT_TRUE(MakeFolders(folder_.path() / "out").ok()); }

  std::vector<dataset::Document> documents_;
  RunHooks hooks_;
  TempFolder folder_ = *TempFolder::Make();
};

TEST_F(RunnerTest, ScoresAndFiguresOfADevRun) {
  auto model = std::make_shared<RuleChatModel>([](const chat::ChatRequest& request) {
    const bool even = absl::StrContains("02468", request.messages.back().content.end()[-2]);
    return absl::StatusOr<std::string>(
        even ? "It is town" + request.messages.back().content.substr(29) : "No idea at all");
  });
  RunOptions options;
  options.split = "dev";
  auto result = Run(model, 10, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(model->prompts[0], "Topic: Towns. Which town is number 0?");
  EXPECT_EQ(result->counts["questions"], 10);
  const Json scores = *ReadJsonFile(folder_.path() / "out/scores.json");
  const Json& set = scores["datasets"][0];
  EXPECT_EQ(set["questions"], 10);
  EXPECT_EQ(set["metrics"]["contains"]["mean"], result->figures["dev_contains"]);
  EXPECT_EQ(set["errors"].size() > 0, set["correct"] < 10);
  EXPECT_GT(scores["speed"]["tokens"], 0);
  int rows = 0;
  ASSERT_TRUE(dataset::ForEachJson(folder_.path() / "out/answers.jsonl", [&](const Json&,
                                                                             const std::string&) {
                ++rows;
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(rows, 10);
}

// Eight questions are answered, then the process "dies"; the next attempt asks only the others.
TEST_F(RunnerTest, AKilledAttemptIsNotAskedTwice) {
  int calls = 0;
  auto dying = std::make_shared<RuleChatModel>([&](const chat::ChatRequest&) {
    if (++calls == 9) hooks_.cancel.Cancel("killed");
    return absl::StatusOr<std::string>("answer");
  });
  EXPECT_FALSE(Run(dying, 20).ok());
  hooks_.cancel = CancelToken();
  auto second = std::make_shared<RuleChatModel>(
      [](const chat::ChatRequest&) { return absl::StatusOr<std::string>("answer"); });
  ASSERT_TRUE(Run(second, 20).ok());
  EXPECT_EQ(second->prompts.size(), 12u);
}

TEST_F(RunnerTest, FailuresAreCountedAndTooManyAreAnError) {
  int calls = 0;
  auto flaky = std::make_shared<RuleChatModel>([&](const chat::ChatRequest&) {
    return ++calls <= 3 ? absl::StatusOr<std::string>(absl::UnavailableError("busy"))
                        : absl::StatusOr<std::string>("answer");
  });
  auto result = Run(flaky, 10);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->counts["model_failures"], 3);
  EXPECT_THAT(result->warnings.at(0), HasSubstr("3 of 10"));
  // What the model was not heard on is not scored as wrong.
  const Json set = (*ReadJsonFile(folder_.path() / "out/scores.json"))["datasets"][0];
  EXPECT_EQ(set["questions"], 10);
  EXPECT_EQ(set["accuracy"]["n"], 7);
  EXPECT_EQ(set["metrics"]["f1"]["n"], 7);
  auto dead = std::make_shared<RuleChatModel>([](const chat::ChatRequest&) {
    return absl::StatusOr<std::string>(absl::UnavailableError("gone"));
  });
  RunOptions other;
  other.model_name = "dead";
  EXPECT_THAT(Run(dead, 10, other).status().message(), HasSubstr("gone"));
}

TEST_F(RunnerTest, AnOpenBookRunShowsThePassage) {
  documents_.resize(1);
  documents_[0].text = "Town number 0 is town0, by the river.";
  auto model = std::make_shared<RuleChatModel>(
      [](const chat::ChatRequest&) { return absl::StatusOr<std::string>("town0"); });
  RunOptions options;
  options.open_book = true;
  ASSERT_TRUE(Run(model, 1, options).ok());
  EXPECT_THAT(model->prompts[0], HasSubstr("by the river"));
  // Without any model the sentence itself is the answer.
  auto extractive = Run(nullptr, 1);
  ASSERT_TRUE(extractive.ok());
  EXPECT_EQ(extractive->figures["contains"], 1);
}

TEST_F(RunnerTest, NothingHeldOutIsAWarning) {
  auto result = Run(nullptr, 0);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->warnings.at(0), HasSubstr("nothing held out"));
}

}  // namespace
}  // namespace foundry::evaluator
