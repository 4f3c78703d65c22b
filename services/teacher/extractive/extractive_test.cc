#include "services/teacher/extractive/extractive.h"

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/words.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::teacher::extractive {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

dataset::Document Lighthouse() {
  dataset::Document document;
  document.id = "lighthouse";
  document.title = "Eddystone Lighthouse";
  document.text =
      "The first lighthouse was built by Henry Winstanley in 1698. It stood on a reef near "
      "Plymouth. The tower was destroyed by a great storm in November 1703 because its timbers "
      "were too weak.\n\n"
      "John Smeaton designed the third tower. Smeaton used granite blocks to resist the waves. "
      "His tower is a monument on Plymouth Hoe. The present tower uses 2,500 stones and stands in "
      "the English Channel.";
  return document;
}

const dataset::Pair* Find(const std::vector<dataset::Pair>& pairs, const std::string& question) {
  for (const dataset::Pair& pair : pairs) {
    if (absl::EndsWith(pair.input, question)) return &pair;
  }
  return nullptr;
}

std::string Inputs(const std::vector<dataset::Pair>& pairs) {
  std::string all;
  for (const dataset::Pair& pair : pairs) absl::StrAppend(&all, pair.input, "\n");
  return all;
}

TEST(ExtractPairs, AsksNaturalQuestions) {
  const std::vector<dataset::Pair> pairs = ExtractPairs(Lighthouse());
  const std::map<std::string, std::string> expected = {
      {"Who built the first lighthouse in 1698?", "Henry Winstanley"},
      {"When was the first lighthouse built by Henry Winstanley?", "1698"},
      {"In what year was the first lighthouse built by Henry Winstanley?", "1698"},
      {"What did John Smeaton design?", "third tower"},
      {"Who designed the third tower?", "John Smeaton"},
      {"What was destroyed by a great storm in November 1703?", "The tower"},
      {"Where does the present tower stand?", "in the English Channel"},
      {"How many stones does the present tower use?", "2,500"},
  };
  for (const auto& [question, answer] : expected) {
    const dataset::Pair* pair = Find(pairs, question);
    ASSERT_NE(pair, nullptr) << question << "\nnot among:\n" << Inputs(pairs);
    EXPECT_THAT(pair->target, HasSubstr(answer));
  }
}

TEST(ExtractPairs, EveryInputNamesTheDocumentAndEveryTargetIsFaithful) {
  const dataset::Document document = Lighthouse();
  for (const dataset::Pair& pair : ExtractPairs(document)) {
    EXPECT_THAT(pair.input, HasSubstr("Eddystone Lighthouse"));
    EXPECT_EQ(pair.teacher, "extractive");
    EXPECT_FALSE(pair.fact.empty());
    EXPECT_EQ(
        document.text.substr(pair.source.span.begin, pair.source.span.end - pair.source.span.begin),
        pair.source.passage);
    const std::vector<std::string> known = text::FoldedWords(document.text);
    const std::set<std::string> words(known.begin(), known.end());
    for (const std::string& word : text::FoldedWords(pair.target)) {
      if (pair.type == "false_premise" && (word == "no" || word == "yes")) continue;
      EXPECT_THAT(words, Contains(word)) << pair.input << " -> " << pair.target;
    }
  }
}

TEST(ExtractPairs, WrongPremisesAreCorrected) {
  int wrong = 0, right = 0;
  ExtractiveOptions all;
  all.pairs_per_document = 10000;
  for (const dataset::Pair& pair : ExtractPairs(Lighthouse(), all)) {
    if (pair.type != "false_premise") continue;
    EXPECT_THAT(pair.input, HasSubstr("Is it true that "));
    if (absl::StartsWith(pair.target, "No. ")) {
      ++wrong;
      EXPECT_FALSE(absl::StrContains(Lighthouse().text, pair.input.substr(pair.input.size() - 20)));
    } else {
      EXPECT_THAT(pair.target, StartsWith("Yes. "));
      ++right;
    }
  }
  EXPECT_GT(wrong, 0);
  EXPECT_EQ(wrong, right);
}

TEST(ExtractPairs, BalancesSentencesAndIsDeterministic) {
  ExtractiveOptions options;
  options.pairs_per_document = 20;
  const std::vector<dataset::Pair> pairs = ExtractPairs(Lighthouse(), options);
  ASSERT_EQ(pairs.size(), 20);
  std::map<int64_t, int> sentences;
  for (const dataset::Pair& pair : pairs) {
    if (pair.level == "sentence") ++sentences[pair.source.span.begin];
  }
  EXPECT_EQ(sentences.size(), 7);
  const std::vector<dataset::Pair> again = ExtractPairs(Lighthouse(), options);
  for (size_t i = 0; i < pairs.size(); ++i) EXPECT_EQ(pairs[i].input, again[i].input);
}

TEST(ExtractPairs, TypesAndLevelsSelect) {
  ExtractiveOptions options;
  options.question_types = {"analysis"};
  options.levels = {"sentence"};
  const std::vector<dataset::Pair> pairs = ExtractPairs(Lighthouse(), options);
  ASSERT_FALSE(pairs.empty());
  for (const dataset::Pair& pair : pairs) {
    EXPECT_TRUE(pair.type == "reason" || pair.type == "false_premise") << pair.type;
    EXPECT_EQ(pair.level, "sentence");
  }
  const dataset::Pair* why =
      Find(pairs, "Why was the tower destroyed by a great storm in November 1703?");
  ASSERT_NE(why, nullptr) << Inputs(pairs);
  EXPECT_THAT(why->target, HasSubstr("because its timbers were too weak"));
}

TEST(ExtractPairs, OtherLanguagesGetItemsWithoutGrammar) {
  dataset::Document document;
  document.id = "turm";
  document.title = "Leuchtturm";
  document.text =
      "Der erste Leuchtturm wurde im Jahr 1698 von Henry Winstanley auf dem Felsen gebaut. Der "
      "Turm "
      "wurde durch einen Sturm zerstört, und niemand hat die Nacht auf dem Felsen überlebt.";
  const std::vector<dataset::Pair> pairs = ExtractPairs(document);
  ASSERT_FALSE(pairs.empty());
  for (const dataset::Pair& pair : pairs) {
    EXPECT_TRUE(pair.type == "cloze" || pair.type == "continuation" || pair.type == "recital")
        << pair.input;
  }
}

TEST(ExtractPairs, SurvivesOddText) {
  for (const std::string text :
       {"", "\n\n", "((((", "1 2 3 4 5 6 7 8 9 10 11 12.",
        "Is he? Was it? To be or not to be that is by by by the the of of.",
        "\"\"\"\" ' ' ' [ ] [12][citation needed] a b c d e f g h."}) {
    dataset::Document document;
    document.id = "odd";
    document.text = text;
    for (const dataset::Pair& pair : ExtractPairs(document)) EXPECT_FALSE(pair.target.empty());
  }
}

}  // namespace
}  // namespace foundry::teacher::extractive
