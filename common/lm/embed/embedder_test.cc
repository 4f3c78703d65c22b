#include "common/lm/embedder.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/lm/weights/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;

fs::path SourceDir() {
  const char* folder = std::getenv("FOUNDRY_SOURCE_DIR");
  return folder == nullptr ? "." : folder;
}

class EmbedderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* models = std::getenv("FOUNDRY_MODELS");
    const fs::path folder =
        (models == nullptr ? SourceDir() / "models" : fs::path(models)) / "all-minilm-l6-v2";
    if (!fs::exists(folder)) GTEST_SKIP() << "no model at " << folder << "; run tools/setup.sh";
    folder_ = folder;
    auto embedder = Embedder::Load(folder);
    ASSERT_TRUE(embedder.ok()) << embedder.status();
    embedder_ = *embedder;
  }
  fs::path folder_;
  std::shared_ptr<Embedder> embedder_;
};

TEST_F(EmbedderTest, MatchesSentenceTransformers) {
  const fs::path goldens = SourceDir() / "tests/data/goldens/minilm";
  auto expected = Safetensors::Open(goldens / "embeddings.safetensors");
  ASSERT_TRUE(expected.ok()) << expected.status();
  std::vector<std::string> texts, names;
  const std::string lines = *ReadFile(goldens / "sentences.jsonl");
  for (absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    const Json record = Json::parse(line);
    texts.push_back(record["text"]);
    names.push_back(absl::StrCat("embedding.", record["index"].get<int>()));
  }
  ASSERT_FALSE(texts.empty());
  for (const int batch : {1, 3, 32}) {
    auto embeddings = embedder_->Embed(texts, batch);
    ASSERT_TRUE(embeddings.ok()) << embeddings.status();
    for (size_t i = 0; i < texts.size(); ++i) {
      auto golden = (*expected)->Float32(names[i]);
      ASSERT_TRUE(golden.ok()) << golden.status();
      for (int d = 0; d < embedder_->dimension(); ++d) {
        ASSERT_NEAR(embeddings->row(i)[d], (*golden)[d], 1e-5) << names[i] << " batch " << batch;
      }
    }
  }
}

// Packs of any size, and the order of the texts, change nothing.
TEST_F(EmbedderTest, TextsOfAnyLengthShareAPass) {
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i) {
    std::string text;
    for (int word = 0; word < i * i % 97; ++word) text += " w" + std::to_string(word * i % 31);
    texts.push_back(text);
  }
  const auto together = embedder_->Embed(texts);
  ASSERT_TRUE(together.ok()) << together.status();
  for (size_t i = 0; i < texts.size(); i += 7) {
    const auto alone = embedder_->Embed({texts[i]});
    ASSERT_TRUE(alone.ok()) << alone.status();
    for (int d = 0; d < embedder_->dimension(); ++d) {
      ASSERT_NEAR(together->row(static_cast<int64_t>(i))[d], alone->row(0)[d], 1e-5) << i;
    }
  }
}

TEST_F(EmbedderTest, Bfloat16PointsTheSameWay) {
  auto coarse = Embedder::Load(folder_, {.compute = ComputeType::kBFloat16});
  ASSERT_TRUE(coarse.ok()) << coarse.status();
  const std::vector<std::string> texts = {"A harbour at night.", "How do ships find the harbour?",
                                          "The mean of a normal distribution", "x"};
  const auto exact = embedder_->Embed(texts), close = (*coarse)->Embed(texts);
  ASSERT_TRUE(exact.ok() && close.ok());
  for (int i = 0; i < 4; ++i) {
    EXPECT_GE(Cosine(exact->row(i), close->row(i), embedder_->dimension()), 0.999);
  }
}

TEST_F(EmbedderTest, CutsLongTextsAndKeepsUnitLength) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "harbour ";
  auto embeddings = embedder_->Embed({text, ""});
  ASSERT_TRUE(embeddings.ok()) << embeddings.status();
  for (int i = 0; i < 2; ++i) {
    EXPECT_NEAR(Cosine(embeddings->row(i), embeddings->row(i), embedder_->dimension()), 1, 1e-5);
  }
}

TEST_F(EmbedderTest, NoTextsGiveNoRows) {
  auto embeddings = embedder_->Embed({});
  ASSERT_TRUE(embeddings.ok());
  EXPECT_EQ(embeddings->rows, 0);
}

TEST(EmbedderLoadTest, AFolderThatIsNoEncoderIsNamed) {
  auto folder = TempFolder::Make();
  ASSERT_TRUE(WriteFileAtomic(folder->path() / "config.json", R"({"model_type":"llama"})").ok());
  EXPECT_THAT(Embedder::Load(folder->path()).status().message(),
              ::testing::HasSubstr("an embedder must be a BERT encoder"));
}

}  // namespace
}  // namespace foundry::lm
