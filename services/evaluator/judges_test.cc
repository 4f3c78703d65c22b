#include "services/evaluator/judges.h"

#include <cmath>

#include "absl/strings/match.h"
#include "common/testing/http_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/evaluator/fake_models.h"

namespace foundry::evaluator {
namespace {

using ::testing::HasSubstr;

std::vector<Scored> ThreeAnswers() {
  std::vector<Scored> answers(3);
  const char* predictions[] = {"Otrar", "Samarkand", "?"};
  for (int i = 0; i < 3; ++i) {
    answers[i].item.id = std::to_string(i);
    answers[i].item.question = "Which town?";
    answers[i].item.golds = {"Otrar"};
    answers[i].prediction = predictions[i];
  }
  return answers;
}

TEST(JudgesTest, NamesOfTheSpec) {
  auto judges = ParseJudges({"f1", "llm", "http://127.0.0.1:9/judge"});
  ASSERT_TRUE(judges.ok());
  EXPECT_FALSE(judges->exact);
  EXPECT_TRUE(judges->llm);
  EXPECT_EQ(judges->addresses.size(), 1u);
  EXPECT_THAT(ParseJudges({"bleu"}).status().message(), HasSubstr("unknown judge \"bleu\""));
  Scored scored;
  scored.scores = {{"exact", 1}, {"f1", 1}, {"contains", 1}};
  KeepJudged(*judges, scored);
  EXPECT_EQ(scored.scores.count("exact"), 0u);
  EXPECT_EQ(scored.scores.count("f1"), 1u);
}

TEST(JudgesTest, ChatVerdictsAndTheirFailures) {
  std::vector<Scored> answers = ThreeAnswers();
  RuleChatModel judge([](const chat::ChatRequest& request) -> absl::StatusOr<std::string> {
    const std::string& prompt = request.messages.back().content;
    if (absl::StrContains(prompt, "Given answer: Otrar")) return "Yes.";
    if (absl::StrContains(prompt, "Given answer: Samarkand")) return "no, it does not";
    return "Perhaps";
  });
  ASSERT_TRUE(JudgeByChat(judge, CancelToken(), answers).ok());
  EXPECT_EQ(answers[0].scores.at("llm"), 1);
  EXPECT_EQ(answers[1].scores.at("llm"), 0);
  EXPECT_EQ(answers[2].scores.count("llm"), 0u);
  EXPECT_THAT(answers[2].failures.at("llm"), HasSubstr("Perhaps"));
  EXPECT_EQ(judge.prompts.size(), 4u);  // the unclear one was asked twice
}

TEST(JudgesTest, SimilarityIsTheCosineToTheNearestGoldAnswer) {
  std::vector<Scored> answers = ThreeAnswers();
  answers[2].prediction = " ";
  const EmbedTexts embed = [](absl::Span<const std::string> texts) {
    lm::FloatMatrix rows{static_cast<int64_t>(texts.size()), 2, {}};
    for (const std::string& text : texts) {
      const bool otrar = text == "Otrar";
      rows.data.push_back(otrar ? 1 : 0.6f);
      rows.data.push_back(otrar ? 0 : 0.8f);
    }
    return absl::StatusOr<lm::FloatMatrix>(rows);
  };
  ASSERT_TRUE(JudgeBySimilarity(embed, answers).ok());
  EXPECT_NEAR(answers[0].scores.at("similarity"), 1, 1e-6);
  EXPECT_NEAR(answers[1].scores.at("similarity"), 0.6, 1e-6);
  EXPECT_EQ(answers[2].scores.at("similarity"), 0);
}

TEST(JudgesTest, CustomEvaluatorOverHttp) {
  testing::HttpServer server([](const testing::HttpServerRequest& request) {
    testing::HttpServerResponse response;
    response.body = absl::StrContains(request.body, "\"prediction\":\"Otrar\"")
                        ? R"({"score":0.75})"
                    : absl::StrContains(request.body, "Samarkand") ? R"({"score":7})"
                                                                   : "nothing";
    return response;
  });
  std::vector<Scored> answers = ThreeAnswers();
  ASSERT_TRUE(JudgeByAddress(server.url() + "/judge", "custom", CancelToken(), answers).ok());
  EXPECT_EQ(answers[0].scores.at("custom"), 0.75);
  EXPECT_THAT(answers[1].failures.at("custom"), HasSubstr("not in 0"));
  EXPECT_EQ(answers[2].failures.count("custom"), 1u);
}

}  // namespace
}  // namespace foundry::evaluator
