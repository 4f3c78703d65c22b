#include "services/self_study/study.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/dataset/io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/evaluator/fake_models.h"

namespace foundry::self_study {
namespace {

using evaluator::RuleChatModel;
using ::testing::HasSubstr;

class StudyTest : public ::testing::Test {
 protected:
  // Four documents of one paragraph; sentence i says "Town d<d>f<i> fell to general g<i>."
  void SetUp() override {
    for (int d = 0; d < 4; ++d) {
      dataset::Document document;
      document.id = absl::StrCat("folder/doc ", d, ".pdf");
      document.title = absl::StrCat("Document ", d);
      document.summary = "Towns fell.";
      for (int i = 0; i < 10; ++i) {
        const int64_t begin = static_cast<int64_t>(document.text.size());
        absl::StrAppend(&document.text, "Town d", d, "f", i, " fell to general g", i, ". ");
        const int64_t end = static_cast<int64_t>(document.text.size()) - 1;
        document.sentences.push_back({begin, end});
        for (int wording = 0; wording < 4; ++wording) {
          dataset::Pair pair;
          pair.input = absl::StrCat("Topic: Document ", d, ". Who took d", d, "f", i, ", version ",
                                    wording, "?");
          pair.target = absl::StrCat("general g", i);
          pair.type = "factual";
          pair.level = "sentence";
          pair.source.document = document.id;
          pair.source.span = {begin, end};
          pair.fact = absl::StrCat("f", i);
          pair.split = wording == 0 ? "dev" : wording == 1 ? "test" : "train";
          pairs_.push_back(pair);
        }
      }
      document.paragraphs.push_back({0, static_cast<int64_t>(document.text.size())});
      documents_.push_back(std::move(document));
    }
    options_.questions_per_document = 12;
    // The student knows the facts with an even number.
    student_ = std::make_shared<RuleChatModel>([this](const chat::ChatRequest& request) {
      if (die_after_-- == 0) options_.cancel.Cancel("killed");
      const std::string& prompt = request.messages.back().content;
      const int fact = prompt[prompt.find(", version") - 1] - '0';
      return absl::StatusOr<std::string>(fact % 2 == 0 ? absl::StrCat("It was general g", fact)
                                                       : "Nobody");
    });
  }

  absl::StatusOr<StudySummary> Run(const std::string& out,
                                   const std::vector<dataset::Pair>& previous = {}) {
    StudyModels models;
    models.student = student_;
    models.teacher = teacher_;
    return Study(documents_, pairs_, previous, models, options_, folder_.path() / "scratch",
                 folder_.path() / out);
  }

  std::vector<dataset::Document> documents_;
  std::vector<dataset::Pair> pairs_;
  StudyOptions options_;
  int die_after_ = -1;
  std::shared_ptr<RuleChatModel> student_, teacher_;
  TempFolder folder_ = *TempFolder::Make();
};

TEST_F(StudyTest, WritesTheShapeOfTheGuide) {
  auto summary = Run("out");
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->counts["documents"], 4);
  EXPECT_EQ(summary->counts["questions"], 48);
  EXPECT_GT(summary->counts["dev_probes"], 0);
  const auto file =
      folder_.path() / "out/self_study_results" / (FileNameOf(documents_[1].id) + ".json");
  const Json results = *ReadJsonFile(file);
  ASSERT_TRUE(results.is_array());
  for (const Json& entry : results) {
    EXPECT_EQ(entry.size(), 4u);
    EXPECT_EQ(entry["context"], documents_[1].text);
    EXPECT_EQ(entry["summary"], "Towns fell.");
    for (const Json& question : entry["questions"]) {
      EXPECT_EQ(question.size(), 5u);
      EXPECT_EQ(question["teacher_answer"].get<std::string>().substr(0, 9), "general g");
      const double quality = question["quality_score"];
      EXPECT_EQ(quality > 0.5, question["student_answer"] != "Nobody");
      EXPECT_GE(question["similarity_score"].get<double>(), 0);
      // Who took d1f3? The entry's sentence is the one about it.
      const std::string town = question["question"].get<std::string>().substr(28, 4);
      EXPECT_THAT(entry["sentence"].get<std::string>(), HasSubstr(town));
    }
  }
}

TEST_F(StudyTest, OnlyMistakesAreCorrectedAndNothingHeldOutIsTrained) {
  ASSERT_TRUE(Run("out").ok());
  const auto failed = *dataset::ReadPairs(folder_.path() / "out/failed.jsonl");
  ASSERT_FALSE(failed.empty());
  for (const dataset::Pair& pair : failed) {
    EXPECT_EQ(pair.split, "train");
    EXPECT_EQ(pair.weight, 2);
    EXPECT_EQ((pair.fact[1] - '0') % 2, 1) << pair.input;
    EXPECT_FALSE(absl::StrContains(pair.input, "version 0"));  // dev
  }
  for (const std::string& prompt : student_->prompts)
    EXPECT_FALSE(absl::StrContains(prompt, "version 1"));
}

TEST_F(StudyTest, MostDevQuestionsAreLeftToJudgeTheRound) {
  options_.questions_per_document = 100;
  ASSERT_TRUE(Run("out").ok());
  std::set<std::string> asked(student_->prompts.begin(), student_->prompts.end());
  int left = 0;
  for (const dataset::Pair& pair : pairs_) {
    if (pair.split != "dev") continue;
    EXPECT_EQ(asked.count(pair.input) > 0, dataset::MayBeProbed(pair.input)) << pair.input;
    left += asked.count(pair.input) == 0;
  }
  EXPECT_GE(left, 20);  // of 40
}

TEST_F(StudyTest, NoWordingOfAHeldOutQuestionIsStudied) {
  // A teacher whose every rewording is the test question of the fact, without its topic.
  teacher_ = std::make_shared<RuleChatModel>([](const chat::ChatRequest& request) {
    const std::string& prompt = request.messages.back().content;
    const size_t town = prompt.find("Who took ");
    if (!absl::StrContains(prompt, "in other words") || town == std::string::npos)
      return absl::StatusOr<std::string>("fell");
    return absl::StatusOr<std::string>(
        absl::StrCat("who took ", prompt.substr(town + 9, 4), " version 1?"));
  });
  options_.questions_per_document = 100;
  auto summary = Run("out");
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_GT(summary->counts["rewordings_refused"], 0);
  for (const std::string& prompt : student_->prompts)
    EXPECT_FALSE(absl::StrContains(prompt, "version 1")) << prompt;
  EXPECT_THAT(*ReadFile(folder_.path() / "out/failed.jsonl"),
              ::testing::Not(HasSubstr("version 1")));
}

TEST_F(StudyTest, RewordingsNameTheirDocument) {
  teacher_ = std::make_shared<RuleChatModel>([](const chat::ChatRequest& request) {
    const std::string& prompt = request.messages.back().content;
    const size_t town = prompt.find("Who took ");
    if (!absl::StrContains(prompt, "in other words") || town == std::string::npos)
      return absl::StatusOr<std::string>("fell");
    return absl::StatusOr<std::string>(
        absl::StrCat("By whom was ", prompt.substr(town + 9, 4), ", version 7, taken?"));
  });
  options_.questions_per_document = 60;
  ASSERT_TRUE(Run("out").ok());
  int reworded = 0;
  for (const std::string& prompt : student_->prompts) {
    if (!absl::StrContains(prompt, "By whom")) continue;
    EXPECT_THAT(prompt, ::testing::StartsWith("Topic: Document "));
    ++reworded;
  }
  EXPECT_GT(reworded, 0);
}

TEST_F(StudyTest, FactsThatFailedBeforeComeFirst) {
  options_.questions_per_document = 4;
  dataset::Pair before = pairs_[9 * 4 + 2];  // fact 9 of the first document
  ASSERT_TRUE(Run("out", {before}).ok());
  int asked = 0;
  for (const std::string& prompt : student_->prompts) {
    asked += absl::StrContains(prompt, "d0f9") && !absl::StrContains(prompt, "version 0");
  }
  EXPECT_EQ(asked, 2);
}

TEST_F(StudyTest, AKilledAttemptGoesOnWithTheNextDocument) {
  ASSERT_TRUE(Run("whole").ok());
  const size_t asked_by_all = student_->prompts.size();
  std::filesystem::remove_all(folder_.path() / "scratch");
  student_->prompts.clear();
  die_after_ = 20;  // in the second document
  EXPECT_FALSE(Run("broken").ok());
  options_.cancel = CancelToken();
  const size_t asked_before = student_->prompts.size();
  auto resumed = Run("resumed");
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->counts["documents_resumed"], 1);
  EXPECT_EQ(student_->prompts.size() - asked_before, asked_by_all - 12);
  for (const char* name : {"failed.jsonl", "statistics.json"}) {
    EXPECT_EQ(*ReadFile(folder_.path() / "whole" / name),
              *ReadFile(folder_.path() / "resumed" / name));
  }
}

TEST_F(StudyTest, TheTextOverrulesTheTeacher) {
  teacher_ = std::make_shared<RuleChatModel>([](const chat::ChatRequest& request) {
    const std::string& prompt = request.messages.back().content;
    if (absl::StrContains(prompt, "in other words"))
      return absl::StatusOr<std::string>("no question");
    return absl::StatusOr<std::string>(absl::StrContains(prompt, "f3,") ? "Napoleon Bonaparte"
                                                                        : "fell to general");
  });
  auto summary = Run("out");
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_GT(summary->counts["teacher_overruled_by_text"], 0);
  EXPECT_GT(summary->counts["rewordings_refused"], 0);
  EXPECT_THAT(*ReadFile(folder_.path() / "out/failed.jsonl"),
              ::testing::Not(HasSubstr("Napoleon")));
}

TEST_F(StudyTest, ShardsCoverEveryDocumentOnce) {
  options_.shard_count = 3;
  int64_t documents = 0;
  for (options_.shard_index = 0; options_.shard_index < 3; ++options_.shard_index) {
    documents += Run(absl::StrCat("shard", options_.shard_index))->counts["documents"];
  }
  EXPECT_EQ(documents, 4);
}

TEST_F(StudyTest, TopicsThatMatchNothingAreAnError) {
  options_.topics = {"Oxygen"};
  EXPECT_THAT(Run("out").status().message(), HasSubstr("self_study.topics"));
}

TEST(FileNameTest, IsSafeAndUnique) {
  EXPECT_EQ(FileNameOf("genghis-khan.pdf"), "genghis-khan.pdf");
  EXPECT_NE(FileNameOf("a/b"), FileNameOf("a b"));
  EXPECT_FALSE(absl::StrContains(FileNameOf("../../etc/passwd"), '/'));
  EXPECT_NE(FileNameOf("..")[0], '.');
}

}  // namespace
}  // namespace foundry::self_study
