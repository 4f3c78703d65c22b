#include "services/trainer/replay.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/lm/model_path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::trainer {
namespace {

TEST(ReplayRequestsTest, AreManyAndTheFirstOnesAreOfManyKinds) {
  const std::vector<std::string> requests = ReplayRequests();
  EXPECT_GT(requests.size(), 500u);
  EXPECT_EQ(std::set<std::string>(requests.begin(), requests.end()).size(), requests.size());
  std::set<std::string> kinds;
  for (size_t i = 0; i < 60; ++i) {
    kinds.insert(std::vector<std::string>(absl::StrSplit(requests[i], ' '))[0]);
  }
  EXPECT_GE(kinds.size(), 8u);
  for (const std::string& request : requests) {
    EXPECT_FALSE(absl::StrContains(request, "{}") || absl::StrContains(request, "|")) << request;
  }
}

// What is practised cannot tell what was forgotten.
TEST(ReplayRequestsTest, AreNoQuestionsByWhichForgettingIsMeasured) {
  const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
  if (source == nullptr) GTEST_SKIP() << "FOUNDRY_SOURCE_DIR is not set (ctest sets it)";
  const auto file = ReadFile(std::filesystem::path(source) / "tests/bench/knowledge/general.jsonl");
  ASSERT_TRUE(file.ok()) << file.status();
  std::set<std::string> asked;
  for (absl::string_view line : absl::StrSplit(*file, '\n', absl::SkipWhitespace())) {
    asked.insert(absl::AsciiStrToLower(
        ParseJson(line, "general.jsonl").value().at("question").get<std::string>()));
  }
  EXPECT_GE(asked.size(), 50u);
  for (const std::string& request : ReplayRequests()) {
    EXPECT_EQ(asked.count(absl::AsciiStrToLower(request)), 0u) << request;
  }
}

TEST(ReplayTest, OnlyAnswersAreLearnedAndOnlyOwnEnds) {
  const auto path = lm::ResolveModel("smollm2-135m-instruct");
  if (!path.ok()) GTEST_SKIP() << "smollm2-135m-instruct is not here; run tools/setup.sh";
  const auto model = lm::LanguageModel::Load(*path).value();
  const auto examples = MakeReplay(*model, 12, 1024, CancelToken());
  ASSERT_TRUE(examples.ok()) << examples.status();
  ASSERT_EQ(examples->size(), 12u);
  int ended = 0;
  for (const lm::Example& example : *examples) {
    const std::string text = model->tokenizer().Decode(example.ids, false);
    const auto first = std::find_if(example.loss_weights.begin(), example.loss_weights.end(),
                                    [](float weight) { return weight > 0; });
    const size_t answer = static_cast<size_t>(first - example.loss_weights.begin());
    const std::string prompt =
        model->tokenizer().Decode(absl::MakeSpan(example.ids).first(answer), false);
    EXPECT_TRUE(absl::EndsWith(prompt, "<|im_start|>assistant\n")) << prompt;
    const bool ends = absl::EndsWith(text, "<|im_end|>");
    ended += ends;
    EXPECT_LE(example.ids.size() - answer, 49u);
    EXPECT_TRUE(ends || example.ids.size() - answer >= 40) << text;
  }
  EXPECT_GT(ended, 0);
  EXPECT_LT(ended, 12);
  EXPECT_EQ(MakeReplay(*model, 12, 1024, CancelToken()).value()[7].ids, (*examples)[7].ids);
}

}  // namespace
}  // namespace foundry::trainer
