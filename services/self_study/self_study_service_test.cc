#include "services/self_study/self_study_service.h"

#include "common/base/json.h"
#include "common/dataset/io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/evaluator/fake_context.h"
#include "services/evaluator/fake_models.h"

namespace foundry::self_study {
namespace {

using worker::StageRequest;

// A round on plain text, without pairs of it: the extractive teacher writes the questions.
TEST(SelfStudyServiceTest, StudyThenMix) {
  TempFolder folder = *TempFolder::Make();
  const Json document = {
      {"id", "khan"},
      {"title", "Genghis Khan"},
      {"text",
       "Genghis Khan was born in Delun Boldog in 1162. He founded the Mongol Empire in 1206. "
       "The town of Otrar was captured by the Mongol army in 1219. "
       "Subutai was a general of the Mongol Empire."}};
  ASSERT_TRUE(dataset::WriteJsonLines(folder.path() / "documents.jsonl", {document}).ok());
  const Json pair = {{"input", "Topic: Genghis Khan. When was he born?"},
                     {"target", "1162"},
                     {"split", "train"},
                     {"source", {{"document", "Genghis Khan"}}}};
  ASSERT_TRUE(dataset::WriteJsonLines(folder.path() / "pairs.jsonl", {pair}).ok());

  evaluator::ModelAccess access;
  access.open_model = [](const evaluator::ModelChoice&) -> absl::StatusOr<evaluator::OpenedModel> {
    return evaluator::OpenedModel{
        std::make_shared<evaluator::RuleChatModel>(
            [](const chat::ChatRequest&) { return absl::StatusOr<std::string>("No idea"); }),
        nullptr};
  };
  const worker::Stage stage = MakeSelfStudyStage(access);
  StageRequest request;
  auto* study = request.mutable_study();
  study->mutable_student()->set_name("student");
  study->mutable_documents()->set_path((folder.path() / "documents.jsonl").string());
  study->add_pairs()->set_path((folder.path() / "pairs.jsonl").string());
  study->add_teachers()->set_model("extractive");
  study->mutable_settings()->set_questions_per_document(8);
  study->set_round(1);
  evaluator::FakeContext context(folder.path() / "study");
  auto output = stage.handlers.at(StageRequest::kStudy)(request, context);
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->counts["questions"], 8);
  EXPECT_EQ(output->figures["pass_share"], 0);
  EXPECT_TRUE(std::filesystem::exists(context.output() / "self_study_results/khan.json"));

  StageRequest mix;
  mix.mutable_mix()->add_parts()->set_path(context.output().string());
  mix.mutable_mix()->add_pairs()->set_path((folder.path() / "pairs.jsonl").string());
  mix.mutable_mix()->set_round(1);
  evaluator::FakeContext mix_context(folder.path() / "mix");
  auto mixed = stage.handlers.at(StageRequest::kMix)(mix, mix_context);
  ASSERT_TRUE(mixed.ok()) << mixed.status();
  const auto pairs = *dataset::ReadPairs(mix_context.output() / "pairs.jsonl");
  EXPECT_GT(pairs.size(), 4u);
  int doubled = 0;
  for (const dataset::Pair& p : pairs) doubled += p.weight == 2;
  EXPECT_GE(doubled, 7);
}

}  // namespace
}  // namespace foundry::self_study
