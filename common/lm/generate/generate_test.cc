// LanguageModel::Generate on the real small model.
#include <algorithm>
#include <fstream>
#include <limits>

#include "common/base/json.h"
#include "common/lm/language_model.h"
#include "common/lm/model/test_support.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;

using testing::SourceDir;

class GenerateTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const fs::path folder = testing::Model("smollm2-135m-instruct");
    if (folder.empty()) return;
    auto model = LanguageModel::Load(folder);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }
  static void TearDownTestSuite() { model_.reset(); }
  void SetUp() override {
    if (model_ == nullptr) GTEST_SKIP() << "no models/smollm2-135m-instruct: run tools/setup.sh";
  }

  static GenerateRequest Ask(const std::string& system, const std::string& question, int length) {
    GenerateRequest request;
    request.prompt = model_->ChatPrompt({{"system", system}, {"user", question}}).value();
    request.max_new_tokens = length;
    return request;
  }
  static std::vector<GenerateResult> Run(const std::vector<GenerateRequest>& requests,
                                         const GenerateOptions& options = {}) {
    auto results = model_->Generate(requests, options);
    EXPECT_TRUE(results.ok()) << results.status();
    return results.ok() ? *std::move(results) : std::vector<GenerateResult>(requests.size());
  }

  static std::shared_ptr<LanguageModel> model_;
};
std::shared_ptr<LanguageModel> GenerateTest::model_;

TEST_F(GenerateTest, GreedyTextIsTransformers) {
  std::ifstream file(SourceDir() / "tests/data/goldens/smollm2/greedy.jsonl");
  std::vector<GenerateRequest> requests;
  std::vector<Json> goldens;
  for (std::string line; std::getline(file, line);) {
    goldens.push_back(Json::parse(line));
    GenerateRequest request;
    request.prompt = goldens.back()["ids"].get<std::vector<int32_t>>();
    request.max_new_tokens = static_cast<int>(goldens.back()["output"].size());
    requests.push_back(std::move(request));
  }
  ASSERT_EQ(goldens.size(), 3u);
  requests[2].max_new_tokens += 4;  // its answer ends by itself
  const auto results = Run(requests);
  for (size_t i = 0; i < goldens.size(); ++i) {
    auto ids = goldens[i]["output"].get<std::vector<int32_t>>();
    auto text = goldens[i]["text"].get<std::string>();
    // transformers keeps the end token.
    const bool ended = ids.back() == 2;
    if (ended) {
      ids.pop_back();
      text.resize(text.size() - std::string("<|im_end|>").size());
    }
    EXPECT_EQ(results[i].ids, ids);
    EXPECT_EQ(results[i].text, text);
    EXPECT_EQ(results[i].finish == GenerateResult::Finish::kEndOfTurn, ended);
  }
}

TEST_F(GenerateTest, BatchAndSharedPrefixChangeNothing) {
  const std::string document =
      "The Filesystem Hierarchy Standard says that /etc holds host-specific configuration, /var "
      "variable data, /tmp temporary files and /usr shareable, read-only data.";
  std::vector<GenerateRequest> requests;
  for (const char* question : {"What is in /etc?", "What does /var hold?",
                               "Where do temporary "
                               "files go?",
                               "What is in /etc?", "Is /usr shareable?"}) {
    requests.push_back(Ask(document, question, 12));
  }
  requests[1].temperature = 0.8;
  requests[1].top_p = 0.9;
  requests[1].seed = 11;
  requests[3].repetition_penalty = 1.3;
  std::vector<GenerateResult> alone;
  for (const GenerateRequest& request : requests) alone.push_back(Run({request})[0]);
  for (const int batch_size : {1, 2, 32}) {
    GenerateOptions options;
    GenerateStats stats;
    size_t finished = 0;
    options.batch_size = batch_size;
    options.stats = &stats;
    options.on_progress = [&](size_t done) { finished = done; };
    const auto together = Run(requests, options);
    int64_t generated = 0, prompts = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(together[i].ids, alone[i].ids) << i << " in batches of " << batch_size;
      EXPECT_EQ(together[i].finish, alone[i].finish);
      EXPECT_NEAR(together[i].mean_logprob, alone[i].mean_logprob, 1e-3);
      generated += static_cast<int64_t>(alone[i].ids.size());
      prompts += static_cast<int64_t>(requests[i].prompt.size());
    }
    EXPECT_EQ(finished, requests.size());
    EXPECT_GE(stats.generated_tokens, generated);
    EXPECT_LT(stats.prompt_tokens, prompts / 2) << "the document was computed more than once";
  }
}

TEST_F(GenerateTest, StopsAtTheTurnsEndLengthAndStopStrings) {
  GenerateRequest request = Ask("Answer in one word.", "Say hello.", 24);
  const GenerateResult whole = Run({request})[0];
  ASSERT_GE(whole.ids.size(), 2u);
  GenerateRequest shorter = request;
  shorter.max_new_tokens = 1;
  const GenerateResult one = Run({shorter})[0];
  EXPECT_EQ(one.finish, GenerateResult::Finish::kLength);
  EXPECT_EQ(one.ids.size(), 1u);
  GenerateRequest stopped = request;
  stopped.stop = {whole.text.substr(2, 3)};
  const GenerateResult cut = Run({stopped})[0];
  EXPECT_EQ(cut.finish, GenerateResult::Finish::kStop);
  EXPECT_EQ(cut.text, whole.text.substr(0, whole.text.find(stopped.stop[0])));
  EXPECT_LE(cut.ids.size(), whole.ids.size());
}

TEST_F(GenerateTest, TheEndWaitsForTheLeastLength) {
  GenerateRequest request = Ask("Answer in one word.", "Say hello.", 40);
  const GenerateResult whole = Run({request})[0];
  ASSERT_EQ(whole.finish, GenerateResult::Finish::kEndOfTurn);
  request.min_new_tokens = 40;
  const GenerateResult longer = Run({request})[0];
  EXPECT_EQ(longer.ids.size(), 40u);
  EXPECT_TRUE(std::equal(whole.ids.begin(), whole.ids.end(), longer.ids.begin()));
  request.min_new_tokens = 41;
  EXPECT_TRUE(absl::IsInvalidArgument(model_->Generate({&request, 1}).status()));
}

// Answers that begin before LongRoPE's original context of 64 tokens and end beyond it, and prompts
// that are beyond it already: each token is the one that the whole sequence gives without a cache.
TEST(GenerateLongRopeTest, TheCacheIsRightOnBothSidesOfTheOriginalContext) {
  const fs::path folder = testing::Golden("tiny/phi3-longrope");
  if (folder.empty()) GTEST_SKIP() << "no reference answers (set FOUNDRY_SHARED_DIR)";
  const auto model = LanguageModel::Load(folder).value();
  ASSERT_EQ(model->config().rope_scaling.original_max_positions, 64);
  std::vector<GenerateRequest> requests;
  for (const int length : {40, 58, 60, 64, 65, 90, 90}) {
    GenerateRequest request;
    for (int i = 0; i < length; ++i) request.prompt.push_back((3 + i * 37) % 250);
    request.prompt.back() = static_cast<int32_t>(requests.size()) + 1;
    request.max_new_tokens = request.min_new_tokens = 10;
    requests.push_back(std::move(request));
  }
  for (const int batch_size : {1, 4}) {
    GenerateOptions options;
    options.batch_size = batch_size;
    const auto results = model->Generate(requests, options);
    ASSERT_TRUE(results.ok()) << results.status();
    for (size_t r = 0; r < requests.size(); ++r) {
      std::vector<int32_t> ids = requests[r].prompt;
      for (const int32_t id : (*results)[r].ids) {
        FloatMatrix logits = model->Logits(ids).value();
        float* row = logits.data.data() + (logits.rows - 1) * logits.cols;
        for (const int32_t end : model->config().eos_ids) {
          row[end] = -std::numeric_limits<float>::infinity();
        }
        const float best = *std::max_element(row, row + logits.cols);
        EXPECT_GE(row[id], best - 1e-3f) << "request " << r << " at " << ids.size();
        ids.push_back(id);
      }
    }
  }
}

TEST_F(GenerateTest, BadRequestsAreNamed) {
  std::vector<GenerateRequest> requests(2, Ask("a", "b", 4));
  requests[1].top_p = 0;
  const auto top_p = model_->Generate(requests);
  EXPECT_TRUE(absl::IsInvalidArgument(top_p.status()));
  EXPECT_THAT(std::string(top_p.status().message()), ::testing::HasSubstr("request 2"));
  GenerateRequest outside;
  outside.prompt = {49152};
  EXPECT_TRUE(absl::IsInvalidArgument(model_->Generate({&outside, 1}).status()));
  GenerateRequest empty;
  EXPECT_TRUE(absl::IsInvalidArgument(model_->Generate({&empty, 1}).status()));
}

TEST_F(GenerateTest, CancelEndsIt) {
  GenerateOptions options;
  options.cancel.Cancel("enough");
  const GenerateRequest request = Ask("a", "b", 4);
  EXPECT_TRUE(absl::IsCancelled(model_->Generate({&request, 1}, options).status()));
}

}  // namespace
}  // namespace foundry::lm
