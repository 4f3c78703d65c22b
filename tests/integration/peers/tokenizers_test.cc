// Ids and text of a wide random corpus, and of every code point, by transformers' tokenizers and by
// Foundry's: byte-level BPE, SentencePiece-style BPE and WordPiece.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/subprocess.h"
#include "common/tokenizer/test_models.h"
#include "common/tokenizer/tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::tokenizer {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int32_t>;

// What Foundry makes of `model` against what transformers makes of a tokenizer.json.
void Compare(const fs::path& model, const std::string& tokenizer_json) {
  const fs::path python = SourceDir() / ".deps/venv/bin/python";
  if (!fs::exists(python)) {
    GTEST_SKIP() << "transformers is not installed; run tools/setup.sh --tests";
  }
  const auto tokenizer = Tokenizer::Load(model);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const TempFolder folder = TempFolder::Make().value();
  SubprocessOptions options;
  options.argv = {python.string(),
                  (SourceDir() / "tests/integration/peers/encode_corpus.py").string()};
  options.argv.push_back(tokenizer_json);
  options.argv.push_back("7");
  options.argv.push_back((folder.path() / "corpus.jsonl").string());
  options.timeout = absl::Seconds(300);
  const auto result = RunSubprocess(options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->ok()) << result->errors;
  std::ifstream file(folder.path() / "corpus.jsonl");
  int lines = 0, wrong = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    const Json golden = Json::parse(line);
    const auto text = golden["text"].get<std::string>();
    const Ids ids = golden["ids"].get<Ids>();
    const Ids ours = (*tokenizer)->Encode(text, {.add_special = false});
    bool same = ours == ids;
    EXPECT_TRUE(same) << DumpJson(golden["text"]) << " gives " << ::testing::PrintToString(ours)
                      << ", not " << ::testing::PrintToString(ids);
    if (golden.contains("special")) {
      const bool special =
          (*tokenizer)->Encode(text, {.add_special = true}) == golden["special"].get<Ids>();
      const std::string decoded = (*tokenizer)->Decode(ids, false);
      EXPECT_TRUE(special) << DumpJson(golden["text"]) << ": the added tokens differ";
      EXPECT_EQ(decoded, golden["decoded"].get<std::string>()) << DumpJson(golden["ids"]);
      same = same && special && decoded == golden["decoded"].get<std::string>();
    }
    wrong += same ? 0 : 1;
    if (wrong == 12) break;  // enough to see what is wrong
  }
  EXPECT_GT(lines, wrong == 12 ? 0 : 15'000);
}

// By the tokenizer.json that Foundry writes: transformers leaves out the cutting of digits when it
// reads the GGUF (the goldens hold what the model's own tokenizer.json gives).
TEST(TokenizersPeerTest, ByteLevelBpe) {
  FOUNDRY_NEEDS_MODEL("smollm2-135m-instruct");
  const fs::path model = ModelDir("smollm2-135m-instruct");
  const auto tokenizer = Tokenizer::Load(model);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const TempFolder folder = TempFolder::Make().value();
  ASSERT_TRUE((*tokenizer)->SaveHuggingFace(folder.path()).ok());
  Compare(model, (folder.path() / "tokenizer.json").string());
}

TEST(TokenizersPeerTest, WordPiece) {
  FOUNDRY_NEEDS_MODEL("all-minilm-l6-v2");
  const fs::path folder = ModelDir("all-minilm-l6-v2");
  Compare(folder, (folder / "tokenizer.json").string());
}

TEST(TokenizersPeerTest, SentencePieceStyleBpe) {
  const TempFolder folder = TempFolder::Make().value();
  const fs::path file = folder.path() / "tokenizer.json";
  fs::copy(SourceDir() / "tests/fuzz/seeds/tokenizer/sound.json", file);
  Compare(folder.path(), file.string());
}

}  // namespace
}  // namespace foundry::tokenizer
