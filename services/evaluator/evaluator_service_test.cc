#include "services/evaluator/evaluator_service.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/dataset/io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/evaluator/fake_context.h"
#include "services/evaluator/fake_models.h"

namespace foundry::evaluator {
namespace {

using ::testing::HasSubstr;
using worker::StageRequest;

// Knows the answer when its name ends in "good".
ModelAccess FakeAccess(std::vector<std::string>* opened) {
  ModelAccess access;
  access.open_model = [opened](const ModelChoice& choice) -> absl::StatusOr<OpenedModel> {
    opened->push_back(choice.model + "+" + choice.adapter);
    const bool good = absl::EndsWith(choice.model, "good");
    OpenedModel model;
    model.chat = std::make_shared<RuleChatModel>([good](const chat::ChatRequest&) {
      return absl::StatusOr<std::string>(good ? "It is Otrar." : "I don't know.");
    });
    model.nll = [](const std::string& text) {
      return TextNll{2.0 * text.size(), static_cast<int64_t>(text.size())};
    };
    return model;
  };
  access.open_embedder = [](const ModelChoice&) {
    return EmbedTexts([](absl::Span<const std::string> texts) {
      return absl::StatusOr<lm::FloatMatrix>(lm::FloatMatrix{
          static_cast<int64_t>(texts.size()), 1, std::vector<float>(texts.size(), 1.0f)});
    });
  };
  return access;
}

class EvaluatorServiceTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& content) {
    const auto path = folder_.path() / name;
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return path.string();
  }
  absl::StatusOr<worker::StageOutput> Call(const StageRequest& request, const std::string& folder) {
    context_ = std::make_unique<FakeContext>(folder_.path() / folder);
    return stage_.handlers.at(request.request_case())(request, *context_);
  }
  StageRequest EvaluateRequest(const std::string& label, const std::string& model) {
    StageRequest request;
    auto* evaluate = request.mutable_evaluate();
    evaluate->set_label(label);
    evaluate->mutable_model()->set_name(model);
    evaluate->add_datasets()->set_qa(
        Write("q.jsonl",
              "{\"id\":\"1\",\"question\":\"Which "
              "town?\",\"answers\":[\"Otrar\"],\"title\":\"Khan\"}\n"));
    evaluate->add_datasets()->set_builtin("heldout_pairs");
    evaluate->mutable_pairs()->set_path(
        Write("pairs.jsonl",
              "{\"id\":\"a\",\"input\":\"Town?\",\"target\":\"Otrar\",\"split\":\"dev\"}\n"
              "{\"id\":\"b\",\"input\":\"Where?\",\"target\":\"Otrar\",\"split\":\"test\"}\n"));
    evaluate->mutable_documents()->set_path(
        Write("documents.jsonl", "{\"id\":\"d\",\"text\":\"The town Otrar fell.\"}\n"));
    evaluate->mutable_embedder()->set_name("embedder");
    for (const char* judge : {"exact", "f1", "embedding"})
      evaluate->mutable_settings()->add_judges(judge);
    return request;
  }

  TempFolder folder_ = *TempFolder::Make();
  std::vector<std::string> opened_;
  worker::Stage stage_ = MakeEvaluatorStage(FakeAccess(&opened_));
  std::unique_ptr<FakeContext> context_;
};

TEST_F(EvaluatorServiceTest, EvaluateThenReport) {
  auto base = Call(EvaluateRequest("base", "bad"), "base");
  ASSERT_TRUE(base.ok()) << base.status();
  auto distilled = Call(EvaluateRequest("distilled", "good"), "distilled");
  ASSERT_TRUE(distilled.ok()) << distilled.status();
  EXPECT_EQ(base->figures["contains"], 0);
  EXPECT_EQ(distilled->figures["contains"], 1);
  EXPECT_EQ(distilled->figures["similarity"], 1);
  EXPECT_NEAR(distilled->figures["perplexity"], std::exp(2.0), 1e-9);
  EXPECT_FALSE(context_->progresses.empty());

  StageRequest request;
  auto* report = request.mutable_report();
  report->set_title("Khan");
  report->add_evaluations()->set_path((folder_.path() / "base/out").string());
  report->add_evaluations()->set_path((folder_.path() / "distilled/out").string());
  (*report->mutable_curves())["distillation"].set_path(
      Write("metrics.jsonl", "{\"step\":1,\"loss\":2.5}\n"));
  auto output = Call(request, "report");
  ASSERT_TRUE(output.ok()) << output.status();
  const Json results = *ReadJsonFile(folder_.path() / "report/out/evaluation_results.json");
  EXPECT_EQ(results["datasets"].size(), 2u);
  EXPECT_EQ(results["datasets"][0]["models"]["distilled"]["metrics"]["contains"]["mean"], 1);
  EXPECT_THAT(*ReadFile(folder_.path() / "report/out/report.html"), HasSubstr("Before and after"));
}

TEST_F(EvaluatorServiceTest, ABaselineTellsTheGainAndItsCertainty) {
  ASSERT_TRUE(Call(EvaluateRequest("r0", "bad"), "r0").ok());
  StageRequest request = EvaluateRequest("r1", "good");
  request.mutable_evaluate()->mutable_baseline()->set_path((folder_.path() / "r0/out").string());
  auto output = Call(request, "r1");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->figures["gain"], 1);
  EXPECT_EQ(output->figures["gain_p"], 0.5);  // of two questions
  EXPECT_EQ(output->counts["gained"], 2);
  EXPECT_EQ(output->counts["lost"], 0);
}

TEST_F(EvaluatorServiceTest, ADevRunReadsTheDevSplitOnly) {
  StageRequest request = EvaluateRequest("r1", "good");
  request.mutable_evaluate()->set_split("dev");
  request.mutable_evaluate()->mutable_datasets()->DeleteSubrange(0, 1);
  auto output = Call(request, "dev");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->figures["dev_contains"], 1);
  const std::string answers = *ReadFile(folder_.path() / "dev/out/answers.jsonl");
  EXPECT_THAT(answers, HasSubstr("Town?"));
  EXPECT_THAT(answers, ::testing::Not(HasSubstr("Where?")));
}

TEST_F(EvaluatorServiceTest, AnEmptyDevSplitHasNoScoreButAWarning) {
  StageRequest request = EvaluateRequest("r1", "good");
  auto* evaluate = request.mutable_evaluate();
  evaluate->set_split("dev");
  evaluate->mutable_datasets()->DeleteSubrange(0, 1);
  evaluate->mutable_pairs()->set_path(Write(
      "none.jsonl", "{\"id\":\"b\",\"input\":\"Where?\",\"target\":\"x\",\"split\":\"test\"}\n"));
  auto output = Call(request, "dev");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->figures.count("dev_contains"), 0u);
  EXPECT_THAT(output->warnings.at(0), HasSubstr("nothing held out"));
}

TEST_F(EvaluatorServiceTest, TheTeacherReadsThePassage) {
  StageRequest request = EvaluateRequest("teacher", "bad");
  request.mutable_evaluate()->clear_model();
  request.mutable_evaluate()->mutable_teacher()->set_model("good");
  auto output = Call(request, "teacher");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->figures["contains"], 1);
  EXPECT_EQ(output->figures.count("perplexity"), 0u);
  EXPECT_THAT(*ReadFile(folder_.path() / "teacher/out/answers.jsonl"),
              HasSubstr("Text: The town Otrar fell."));
  request.mutable_evaluate()->mutable_teacher()->set_model("extractive");
  output = Call(request, "extractive");
  ASSERT_TRUE(output.ok()) << output.status();
}

TEST_F(EvaluatorServiceTest, BadRequestsSayWhatIsWrong) {
  StageRequest request = EvaluateRequest("base", "good");
  request.mutable_evaluate()->mutable_settings()->add_judges("llm");
  EXPECT_THAT(Call(request, "a").status().message(),
              HasSubstr("\"llm\" needs a teacher that chats"));
  request = EvaluateRequest("base", "");
  EXPECT_THAT(Call(request, "b").status().message(), HasSubstr("names no model"));
  request = EvaluateRequest("base", "good");
  request.mutable_evaluate()->clear_datasets();
  EXPECT_THAT(Call(request, "c").status().message(), HasSubstr("no data set"));
}

}  // namespace
}  // namespace foundry::evaluator
