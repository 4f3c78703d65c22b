#include <cstdlib>
#include <regex>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/dataset/io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/evaluator/report/html.h"
#include "services/evaluator/report/page.h"
#include "services/evaluator/report/svg.h"
#include "services/evaluator/report/writer.h"
#include "services/evaluator/summary.h"

namespace foundry::evaluator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A model that answers every `right`-th question; documents and answers hold hostile text.
Evaluation MakeEvaluation(const std::string& label, int right) {
  Evaluation evaluation;
  evaluation.label = label;
  const char* const names[] = {"Genghis Khan", "Oxygen", "Doctor <Who> & \"Co\""};
  const char* const wrongs[] = {"I don't know", "It was in 1950, I think.",
                                "<script>alert('x')</script>", "the the the the the the",
                                "A man called Smith did it."};
  for (int i = 0; i < 48; ++i) {
    Scored scored;
    scored.dataset = i < 36 ? "questions" : "commands";
    scored.item.kind = i < 36 ? TaskKind::kQa : TaskKind::kCommand;
    scored.item.id = std::to_string(i);
    scored.item.type = i % 2 == 0 ? "who" : "when";
    scored.item.document = i < 36 ? names[i % 3] : "";
    scored.item.question = absl::StrCat("Question number ", i, "?");
    scored.item.golds = {i < 36 ? absl::StrCat("answer", i) : "ls -l"};
    const bool correct = right > 0 && i % right == 0;
    scored.prediction = correct ? absl::StrCat("It is ", scored.item.golds[0], ".") : wrongs[i % 5];
    if (i >= 36 && correct) scored.prediction = "`ls -l`";
    scored.tokens = 9;
    EXPECT_TRUE(ScoreByRules(scored).ok());
    evaluation.answers.push_back(std::move(scored));
  }
  evaluation.scores = {
      {"label", label},
      {"model", label},
      {"documents",
       {{"perplexity", 12.5}, {"nats_per_token", 2.5}, {"bits_per_byte", 1.1}, {"tokens", 900}}},
      {"speed",
       {{"tokens_per_second", 88.8},
        {"questions_per_second", 2.2},
        {"tokens", 432},
        {"questions", 48},
        {"seconds", 4.9}}}};
  return evaluation;
}

ReportInput MakeInput() {
  ReportInput input;
  input.title = "Tests <of> the report";
  input.evaluations = {MakeEvaluation("base", 20), MakeEvaluation("distilled", 3),
                       MakeEvaluation("self_study", 2), MakeEvaluation("teacher", 1)};
  input.counts = {
      {"extraction.documents", 3}, {"teacher.pairs", 304}, {"teacher.near_duplicate", 12}};
  input.warnings = {"extraction: b.pdf is <encrypted>"};
  Curve curve;
  curve.label = "distillation";
  for (int step = 1; step <= 400; ++step) {
    curve.series["loss"].emplace_back(step, 3.0 / (1 + step / 50.0));
    if (step % 50 == 0) curve.series["validation_score"].emplace_back(step, step / 500.0);
  }
  input.curves = {curve};
  return input;
}

TEST(ReportTest, ResultsHoldIntervalsAndPairedDifferences) {
  const Json results = JoinResults(MakeInput());
  EXPECT_EQ(results["models"], (Json{"base", "distilled", "self_study", "teacher"}));
  ASSERT_EQ(results["datasets"].size(), 2u);
  const Json& set = results["datasets"][0];
  EXPECT_EQ(set["models"]["distilled"]["metrics"]["contains"]["n"], 36);
  EXPECT_NEAR(set["models"]["distilled"]["metrics"]["contains"]["mean"].get<double>(), 12.0 / 36,
              1e-9);
  const Json& gain = set["comparisons"][0];
  EXPECT_EQ(gain["before"], "base");
  EXPECT_EQ(gain["after"], "distilled");
  EXPECT_EQ(gain["questions"], 36);
  EXPECT_GT(gain["difference"]["low"].get<double>(), 0);
  EXPECT_EQ(set["comparisons"].back()["before"], "distilled");
  // The base answers 0 and 20 of 36; the other 34 are unknown to it.
  EXPECT_EQ(set["unknown_to_base"]["teacher"]["n"], 34);
  EXPECT_EQ(results["suggestions"].is_array(), true);
  EXPECT_EQ(results, JoinResults(MakeInput()));  // the same input, the same file
}

TEST(ReportTest, PageIsSelfContainedAndEscaped) {
  const ReportInput input = MakeInput();
  const std::string page = RenderReport(input, JoinResults(input));
  EXPECT_THAT(page, HasSubstr("Tests &lt;of&gt; the report"));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("Doctor &lt;Who&gt; &amp; &quot;Co&quot;"));
  // Nothing that a browser would load or follow.
  for (const char* outside :
       {"http:", "https:", "//", "url(", "@import", "src=", "href=", "<link", "<iframe", "<img"}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
  for (const char* part : {"Before and after", "Kinds of mistakes", "Training loss",
                           "What to try next", "How this was measured"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  // Every element that is opened is closed.
  for (const char* element : {"svg", "table", "figure", "g", "tr", "details", "ul", "div"}) {
    const std::regex open(absl::StrCat("<", element, "[ >]")),
        close(absl::StrCat("</", element, ">"));
    const auto count = [&](const std::regex& pattern) {
      return std::distance(std::sregex_iterator(page.begin(), page.end(), pattern),
                           std::sregex_iterator());
    };
    EXPECT_EQ(count(open), count(close)) << element;
  }
}

TEST(ReportTest, AModelThatWasNotKeptIsNotTheHeadline) {
  ReportInput input;
  input.evaluations = {MakeEvaluation("base", 20), MakeEvaluation("distilled", 3),
                       MakeEvaluation("self_study_not_kept", 2)};
  const Json results = JoinResults(input);
  const std::string page = RenderReport(input, results);
  EXPECT_THAT(page, HasSubstr("the model made here reaches"));
  EXPECT_THAT(page, HasSubstr("Self-study, not kept"));
  EXPECT_EQ(results["datasets"][0]["comparisons"].back()["after"], "self_study_not_kept");
  input.evaluations[2].label = "self_study";
  EXPECT_THAT(RenderReport(input, JoinResults(input)), HasSubstr("the model after self-study"));
}

TEST(ReportTest, WritesTheFilesAndReadsEvaluationsBack) {
  TempFolder folder = *TempFolder::Make();
  const Evaluation made = MakeEvaluation("base", 2);
  std::vector<Json> rows;
  for (const Scored& scored : made.answers) rows.push_back(ToJson(scored));
  ASSERT_TRUE(WriteJsonFile(folder.path() / "e/scores.json", made.scores).ok());
  ASSERT_TRUE(dataset::WriteJsonLines(folder.path() / "e/answers.jsonl", rows).ok());
  auto evaluation = ReadEvaluation(folder.path() / "e");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  ReportInput input;
  input.evaluations = {*evaluation};
  ASSERT_TRUE(WriteReport(input, folder.path() / "out").ok());
  for (const char* file : {"report.html", "evaluation_results.json", "answers/base.jsonl"}) {
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "out" / file)) << file;
  }
  EXPECT_FALSE(ReadEvaluation(folder.path()).ok());
}

TEST(ReportTest, NoAnswersIsAPageThatSaysSo) {
  ReportInput input;
  const std::string page = RenderReport(input, JoinResults(input));
  EXPECT_THAT(page, HasSubstr("No question was asked"));
}

TEST(ReportTest, EscapeKeepsThePageWellFormed) {
  EXPECT_EQ(Escape("a<b>&'\"\x01\xff"), "a&lt;b&gt;&amp;&#39;&quot;\uFFFD\uFFFD");
  EXPECT_EQ(PointsText(-0.031), "−3.1");
  EXPECT_EQ(PointsText(0), "0.0");
}

TEST(ReportTest, TicksCoverTheValues) {
  for (double high : {0.004, 0.37, 1.0, 7.0, 1234.0}) {
    const std::vector<double> ticks = Ticks(0, high, 5);
    EXPECT_EQ(ticks.front(), 0);
    EXPECT_GE(ticks.back(), high * 0.999);
    EXPECT_LE(ticks.size(), 8u) << high;
  }
}

// For looking at: FOUNDRY_REPORT_OUT=folder writes the sample there.
TEST(ReportTest, SampleForTheEye) {
  const char* folder = std::getenv("FOUNDRY_REPORT_OUT");
  if (folder == nullptr) GTEST_SKIP() << "FOUNDRY_REPORT_OUT is not set";
  EXPECT_TRUE(WriteReport(MakeInput(), folder).ok());
}

}  // namespace
}  // namespace foundry::evaluator
