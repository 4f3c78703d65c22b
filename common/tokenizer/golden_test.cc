// Parity with transformers on the real models' vocabularies.
#include <fstream>

#include "common/base/files.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/test_models.h"
#include "common/tokenizer/tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::tokenizer {
namespace {

constexpr char kSmolLm[] = "smollm2-135m-instruct";
constexpr char kMiniLm[] = "all-minilm-l6-v2";

using Ids = std::vector<int32_t>;

TEST(GoldenTest, SmolLm2IdsAndTextAreExact) {
  FOUNDRY_NEEDS_MODEL(kSmolLm);
  const auto tokenizer = Tokenizer::Load(ModelDir(kSmolLm));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto goldens = ReadGoldens("smollm2/tokenizer.jsonl");
  ASSERT_GE(goldens.size(), 20u);
  for (const Json& golden : goldens) {
    const auto text = golden["text"].get<std::string>();
    const Ids ids = golden["ids"].get<Ids>();
    EXPECT_EQ((*tokenizer)->Encode(text), ids) << text;
    EXPECT_EQ((*tokenizer)->Decode(ids, false), golden["decoded"].get<std::string>());
  }
}

TEST(GoldenTest, SmolLm2SpecialTokens) {
  FOUNDRY_NEEDS_MODEL(kSmolLm);
  const auto loaded = Tokenizer::Load(ModelDir(kSmolLm));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Tokenizer& tokenizer = **loaded;
  EXPECT_EQ(tokenizer.vocab_size(), 49152);
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(tokenizer.eos_id(), 2);
  EXPECT_EQ(tokenizer.pad_id(), 2);
  EXPECT_EQ(tokenizer.TokenId("<|im_end|>"), 2);
  EXPECT_EQ(tokenizer.TokenText(1), "<|im_start|>");
  EXPECT_EQ(tokenizer.TokenText(49152), "");
  EXPECT_EQ(tokenizer.Decode({1, 4093, 2}), "user");
  EXPECT_GT(tokenizer.Encode("<|im_end|>", {.parse_special = false}).size(), 1u);
  EXPECT_EQ(tokenizer.Encode("Hi", {.add_special = true}), tokenizer.Encode("Hi"));
  // Digits are cut one by one before words are: the two blanks stay together.
  EXPECT_EQ(tokenizer.Encode("a  12"), (Ids{81, 256, 33, 34}));
}

TEST(GoldenTest, SmolLm2ChatPromptsAreExact) {
  FOUNDRY_NEEDS_MODEL(kSmolLm);
  const auto tokenizer = Tokenizer::Load(ModelDir(kSmolLm));
  const auto chat = ChatTemplate::Load(ModelDir(kSmolLm));
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(chat->end_of_turn(), "<|im_end|>");
  const auto goldens = ReadGoldens("smollm2/chat.jsonl");
  ASSERT_FALSE(goldens.empty());
  for (const Json& golden : goldens) {
    std::vector<ChatMessage> messages;
    for (const Json& message : golden["messages"]) {
      messages.push_back({message["role"], message["content"]});
    }
    const auto text = chat->Render(messages, true);
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_EQ(*text, golden["text"].get<std::string>());
    EXPECT_EQ((*tokenizer)->Encode(*text), golden["ids"].get<Ids>());
  }
}

TEST(GoldenTest, MiniLmIdsAreExact) {
  FOUNDRY_NEEDS_MODEL(kMiniLm);
  const auto tokenizer = Tokenizer::Load(ModelDir(kMiniLm));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto goldens = ReadGoldens("minilm/tokenizer.jsonl");
  ASSERT_GE(goldens.size(), 20u);
  for (const Json& golden : goldens) {
    const auto text = golden["text"].get<std::string>();
    EXPECT_EQ((*tokenizer)->Encode(text, {.add_special = true}), golden["ids"].get<Ids>()) << text;
  }
  EXPECT_EQ((*tokenizer)->Decode((*tokenizer)->Encode("Embeddings, please.")),
            "embeddings, please.");
}

TEST(GoldenTest, SavedTokenizerIsTheSame) {
  FOUNDRY_NEEDS_MODEL(kSmolLm);
  FOUNDRY_NEEDS_MODEL(kMiniLm);
  for (const char* model : {kSmolLm, kMiniLm}) {
    const auto original = Tokenizer::Load(ModelDir(model));
    const auto folder = TempFolder::Make();
    ASSERT_TRUE((*original)->SaveHuggingFace(folder->path()).ok());
    const auto copy = Tokenizer::Load(folder->path());
    ASSERT_TRUE(copy.ok()) << copy.status();
    EXPECT_EQ((*copy)->fingerprint(), (*original)->fingerprint());
    EXPECT_EQ((*copy)->vocab_size(), (*original)->vocab_size());
    EXPECT_EQ((*copy)->eos_id(), (*original)->eos_id());
    const std::string text = "CVE-2021-44228:  3 naïve\n\nusers’ 日本語 <|im_end|>";
    EXPECT_EQ((*copy)->Encode(text, {.add_special = true}),
              (*original)->Encode(text, {.add_special = true}));
  }
}

TEST(GoldenTest, SavedChatTemplateIsTheSame) {
  FOUNDRY_NEEDS_MODEL(kSmolLm);
  const auto tokenizer = Tokenizer::Load(ModelDir(kSmolLm));
  const auto folder = TempFolder::Make();
  ASSERT_TRUE((*tokenizer)->SaveHuggingFace(folder->path()).ok());
  const auto before = ChatTemplate::Load(ModelDir(kSmolLm));
  const auto after = ChatTemplate::Load(folder->path());
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->source(), before->source());
}

TEST(GoldenTest, CutCharactersDecodeToReplacements) {
  FOUNDRY_NEEDS_MODEL(kSmolLm);
  const auto tokenizer = Tokenizer::Load(ModelDir(kSmolLm));
  const Ids euro = (*tokenizer)->Encode("日");
  const Ids cut = (*tokenizer)->Encode("👩");
  ASSERT_GT(cut.size(), 1u);
  EXPECT_EQ((*tokenizer)->Decode({cut[0]}), "\uFFFD");
  // Ill-formed text is repaired before it is encoded.
  EXPECT_EQ((*tokenizer)->Encode("a\xff"), (*tokenizer)->Encode("a\uFFFD"));
}

TEST(TokenizerLoadTest, SaysWhatIsMissing) {
  const auto folder = TempFolder::Make();
  const auto none = Tokenizer::Load(folder->path());
  EXPECT_TRUE(absl::IsNotFound(none.status())) << none.status();
  EXPECT_THAT(std::string(none.status().message()), testing::HasSubstr("tokenizer.json"));
  ASSERT_TRUE(WriteFileAtomic(folder->path() / "tokenizer.json",
                              R"({"model":{"type":"Unigram","vocab":{}}})")
                  .ok());
  const auto unigram = Tokenizer::Load(folder->path());
  EXPECT_TRUE(absl::IsUnimplemented(unigram.status())) << unigram.status();
  EXPECT_THAT(std::string(unigram.status().message()), testing::HasSubstr("Unigram"));
  EXPECT_THAT(std::string(unigram.status().message()), testing::HasSubstr("tokenizer.json"));
}

}  // namespace
}  // namespace foundry::tokenizer
