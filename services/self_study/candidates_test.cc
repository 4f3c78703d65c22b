#include "services/self_study/candidates.h"

#include "gtest/gtest.h"

namespace foundry::self_study {
namespace {

Candidate Make(const std::string& fact, int wording, Difficulty difficulty = Difficulty::kEasy) {
  Candidate candidate;
  candidate.pair.fact = fact;
  candidate.pair.input = fact + " wording " + std::to_string(wording) + "?";
  candidate.pair.target = "t";
  candidate.difficulty = difficulty;
  return candidate;
}

std::map<std::string, int> FactsOf(const std::vector<Candidate>& chosen) {
  std::map<std::string, int> facts;
  for (const Candidate& candidate : chosen) ++facts[candidate.pair.fact];
  return facts;
}

TEST(CandidatesTest, WeakFactsComeFirstWithTwoWordings) {
  std::vector<Candidate> candidates;
  for (int fact = 0; fact < 20; ++fact) {
    for (int wording = 0; wording < 5; ++wording) {
      candidates.push_back(Make("f" + std::to_string(fact), wording));
      candidates.back().weakness = fact == 7 ? 2 : fact == 8 ? 1 : 0;
    }
  }
  SelectOptions options;
  options.questions = 10;
  const std::vector<Candidate> chosen = Select(candidates, options);
  ASSERT_EQ(chosen.size(), 10u);
  EXPECT_EQ(chosen[0].pair.fact, "f7");
  const auto facts = FactsOf(chosen);
  EXPECT_EQ(facts.at("f7"), 2);
  EXPECT_EQ(facts.at("f8"), 2);
  EXPECT_EQ(facts.size(), 8u);  // one wording of each other fact
  const std::vector<Candidate> again = Select(candidates, options);
  for (size_t i = 0; i < chosen.size(); ++i) EXPECT_EQ(again[i].pair.input, chosen[i].pair.input);
  options.round = 2;
  EXPECT_NE(Select(candidates, options)[5].pair.input, chosen[5].pair.input);
}

TEST(CandidatesTest, NewWordingsArePreferredAndNothingIsAskedTwice) {
  std::vector<Candidate> candidates = {Make("f", 0), Make("f", 1), Make("f", 0)};
  candidates[1].is_new = true;
  SelectOptions options;
  options.questions = 3;
  const std::vector<Candidate> chosen = Select(candidates, options);
  ASSERT_EQ(chosen.size(), 2u);
  EXPECT_TRUE(chosen[0].is_new);
}

TEST(CandidatesTest, DifficultyRisesWithTheRounds) {
  std::vector<Candidate> candidates;
  for (int i = 0; i < 60; ++i) {
    candidates.push_back(Make("f" + std::to_string(i), 0, static_cast<Difficulty>(i % 3)));
  }
  const auto hard_in_round = [&](int round) {
    SelectOptions options;
    options.questions = 20;
    options.round = round;
    options.shares = *SharesOf("progressive", round);
    int hard = 0;
    for (const Candidate& candidate : Select(candidates, options))
      hard += candidate.difficulty == Difficulty::kHard;
    return hard;
  };
  EXPECT_EQ(hard_in_round(1), 2);
  EXPECT_EQ(hard_in_round(2), 5);
  EXPECT_EQ(hard_in_round(3), 9);
  EXPECT_FALSE(SharesOf("impossible", 1).ok());
}

TEST(CandidatesTest, Topics) {
  dataset::Document document;
  document.title = "Genghis Khan";
  document.sections = {{"The siege of Otrar", 1, {0, 50}}};
  dataset::Pair pair;
  pair.input = "Who fled?";
  pair.source.span = {10, 20};
  EXPECT_TRUE(AboutTopics(document, pair, {}));
  EXPECT_TRUE(AboutTopics(document, pair, {"genghis khan"}));
  EXPECT_TRUE(AboutTopics(document, pair, {"Oxygen", "siege"}));
  EXPECT_FALSE(AboutTopics(document, pair, {"Oxygen"}));
}

}  // namespace
}  // namespace foundry::self_study
