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
    auto embedder = Embedder::Load(folder);
    ASSERT_TRUE(embedder.ok()) << embedder.status();
    embedder_ = *embedder;
  }
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
      EXPECT_GE(Cosine(embeddings->row(i), golden->data(), embedder_->dimension()), 0.99999)
          << names[i] << " batch " << batch;
    }
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
