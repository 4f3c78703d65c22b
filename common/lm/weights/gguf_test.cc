#include "common/lm/weights/gguf.h"

#include <fstream>
#include <string>

#include "common/base/files.h"
#include "common/lm/weights/container_builders.h"
#include "common/lm/weights/dequantize.h"
#include "common/lm/weights/gguf_names.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using testing::Floats;
using testing::GgufBuilder;
using testing::GgufString;
using ::testing::HasSubstr;
using testing::Raw;

class GgufTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
  }
  absl::StatusOr<std::shared_ptr<const Gguf>> Open(const std::string& bytes) {
    const auto path = folder_->path() / "x.gguf";
    std::ofstream(path, std::ios::binary) << bytes;
    return Gguf::Open(path);
  }
  std::string Error(const std::string& bytes) {
    return std::string(Open(bytes).status().message());
  }
  std::unique_ptr<TempFolder> folder_;
};

GgufBuilder EveryType() {
  GgufBuilder builder;
  builder.Metadata("u8", 0, Raw<uint8_t>(255)).Metadata("i8", 1, Raw<int8_t>(-1));
  builder.Metadata("u16", 2, Raw<uint16_t>(65535)).Metadata("i16", 3, Raw<int16_t>(-2));
  builder.Uint("u32", 4000000000u).Metadata("i32", 5, Raw<int32_t>(-3)).Float("f32", 0.5f);
  builder.Metadata("bool", 7, Raw<uint8_t>(1)).Text("text", "Ġhello");
  builder.Metadata("u64", 10, Raw<uint64_t>(1)).Metadata("i64", 11, Raw<int64_t>(-4));
  builder.Metadata("f64", 12, Raw<double>(0.25));
  builder.Metadata("strings", 9,
                   Raw<uint32_t>(8) + Raw<uint64_t>(2) + GgufString("a") + GgufString(""));
  builder.Metadata("ints", 9,
                   Raw<uint32_t>(5) + Raw<uint64_t>(2) + Raw<int32_t>(7) + Raw<int32_t>(-7));
  builder.Metadata("floats", 9, Raw<uint32_t>(6) + Raw<uint64_t>(1) + Raw<float>(1.5));
  builder.Metadata("nested", 9,
                   Raw<uint32_t>(9) + Raw<uint64_t>(1) + Raw<uint32_t>(0) + Raw<uint64_t>(2) +
                       Raw<uint8_t>(1) + Raw<uint8_t>(2));
  builder.Tensor("a", {2, 3}, 0, Floats({1, 2, 3, 4, 5, 6}));
  builder.Tensor("b", {1, 32}, 8, std::string(34, 'x'));
  return builder;
}

TEST_F(GgufTest, ReadsEveryValueType) {
  auto file = Open(EveryType().Bytes());
  ASSERT_TRUE(file.ok()) << file.status();
  const Gguf& gguf = **file;
  EXPECT_EQ(*gguf.Int("u8"), 255);
  EXPECT_EQ(*gguf.Int("i8"), -1);
  EXPECT_EQ(*gguf.Int("u16"), 65535);
  EXPECT_EQ(*gguf.Int("i16"), -2);
  EXPECT_EQ(*gguf.Int("u32"), 4000000000);
  EXPECT_EQ(*gguf.Int("i32"), -3);
  EXPECT_EQ(*gguf.Double("f32"), 0.5);
  EXPECT_TRUE(*gguf.Bool("bool", false));
  EXPECT_EQ(*gguf.String("text"), "Ġhello");
  EXPECT_EQ(*gguf.Int("i64"), -4);
  EXPECT_EQ(*gguf.Double("f64"), 0.25);
  EXPECT_EQ(**gguf.Strings("strings"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(**gguf.Ints("ints"), (std::vector<int64_t>{7, -7}));
  EXPECT_EQ(**gguf.Doubles("floats"), std::vector<double>{1.5});
  EXPECT_EQ(*gguf.Strings("absent"), nullptr);
  const auto& nested = std::get<std::vector<GgufValue>>(gguf.Find("nested")->value);
  EXPECT_EQ(std::get<std::vector<int64_t>>(nested.at(0).value), (std::vector<int64_t>{1, 2}));
  ASSERT_NE(gguf.FindTensor("a"), nullptr);
  EXPECT_EQ(gguf.FindTensor("a")->shape, (std::vector<int64_t>{2, 3}));
  std::vector<float> values(6);
  ASSERT_TRUE(Dequantize(DType::kF32, gguf.FindTensor("a")->bytes, absl::MakeSpan(values)).ok());
  EXPECT_EQ(values, (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST_F(GgufTest, ErrorsNameTheKey) {
  auto file = Open(EveryType().Bytes());
  ASSERT_TRUE(file.ok());
  EXPECT_THAT((*file)->Int("text").status().message(),
              HasSubstr("x.gguf: metadata 'text' must be an integer, not string"));
  EXPECT_EQ((*file)->Int("absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT((*file)->Strings("ints").status().message(), HasSubstr("not array of int32"));
}

TEST_F(GgufTest, EveryTruncationIsAnError) {
  const std::string whole = EveryType().Bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    auto file = Open(whole.substr(0, size));
    ASSERT_FALSE(file.ok()) << size;
    ASSERT_THAT(file.status().message(), HasSubstr("x.gguf: byte")) << size;
  }
}

// Any single byte changed: an error or a file that can be read, never a crash (the address
// sanitizer watches in the asan preset).
TEST_F(GgufTest, ChangedBytesNeverCrash) {
  const std::string whole = EveryType().Bytes();
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const char value : {'\x01', '\xff'}) {
      std::string changed = whole;
      changed[i] = value;
      auto file = Open(changed);
      if (!file.ok()) continue;
      for (const TensorView& view : (*file)->tensors()) {
        auto count = ElementCount(view.shape);
        ASSERT_TRUE(count.ok());
        std::vector<float> values(*count);
        (void)Dequantize(view.dtype, view.bytes, absl::MakeSpan(values));
      }
    }
  }
}

TEST_F(GgufTest, HostileFilesNameTheTensorAndOffset) {
  EXPECT_THAT(Error("GGUX" + std::string(60, '\0')), HasSubstr("does not begin with 'GGUF'"));
  EXPECT_THAT(Error("GGUF" + Raw<uint32_t>(1) + std::string(60, '\0')), HasSubstr("version 1"));
  EXPECT_THAT(
      Error(GgufBuilder().Metadata("k", 9, Raw<uint32_t>(8) + Raw<uint64_t>(~0ull)).Bytes()),
      HasSubstr("metadata 'k'"));
  EXPECT_THAT(Error(GgufBuilder().Metadata("k", 99, "").Bytes()), HasSubstr("value type 99"));
  EXPECT_THAT(Error(GgufBuilder().Uint("k", 1).Uint("k", 2).Bytes()),
              HasSubstr("'k' is there twice"));
  EXPECT_THAT(Error(GgufBuilder().Uint("general.alignment", 3).Bytes()), HasSubstr("power of two"));
  const std::string four = Floats({1, 2, 3, 4});
  EXPECT_THAT(Error(GgufBuilder().Tensor("t", {4}, 0, four).Tensor("t", {4}, 0, four).Bytes()),
              HasSubstr("'t' is there twice"));
  EXPECT_THAT(Error(GgufBuilder().Tensor("t", {4}, 0, four).Tensor("u", {4}, 0, four, 0).Bytes()),
              HasSubstr("'t' and 'u' overlap"));
  EXPECT_THAT(Error(GgufBuilder().Tensor("t", {4}, 0, four, 16).Bytes()), HasSubstr("not aligned"));
  EXPECT_THAT(Error(GgufBuilder().Tensor("t", {4}, 0, four, 1 << 30).Bytes()),
              HasSubstr("tensor 't': 16 bytes at data offset 1073741824"));
  EXPECT_THAT(Error(GgufBuilder().Tensor("t", {1ull << 62, 1ull << 62}, 0, four).Bytes()),
              HasSubstr("impossible shape"));
  EXPECT_THAT(Error(GgufBuilder().Tensor("t", {~0ull}, 0, four).Bytes()),
              HasSubstr("impossible dimension"));
  EXPECT_THAT(Error(GgufBuilder().Tensor("t", {1, 33}, 8, std::string(40, 'x')).Bytes()),
              HasSubstr("blocks of 32"));
  EXPECT_THAT(Error(GgufBuilder().Tensor("t", {4}, 10, four).Bytes()), HasSubstr("ggml type 10"));
  EXPECT_THAT(Error(GgufBuilder().Tensor("t", {1, 1, 1, 1, 4}, 0, four).Bytes()),
              HasSubstr("5 dimensions"));
}

TEST(GgufNamesTest, NamesGoBothWays) {
  EXPECT_EQ(HuggingFaceName("blk.12.attn_q.weight", "llama"),
            "model.layers.12.self_attn.q_proj.weight");
  EXPECT_EQ(HuggingFaceName("blk.0.ffn_up.weight", "phi3"),
            "model.layers.0.mlp.gate_up_proj.weight");
  EXPECT_EQ(GgufName("model.layers.0.mlp.gate_up_proj.weight", "phi3"), "blk.0.ffn_up.weight");
  EXPECT_EQ(GgufName("model.norm.weight", "llama"), "output_norm.weight");
  EXPECT_EQ(GgufName("lm_head.weight", "qwen2"), "output.weight");
  EXPECT_EQ(HuggingFaceName("blk.x.attn_q.weight", "llama"), std::nullopt);
  EXPECT_EQ(HuggingFaceName("blk.01.attn_q.weight", "llama"), std::nullopt);
  EXPECT_EQ(HuggingFaceName("blk.0.ffn_gate_exps.weight", "llama"), std::nullopt);
}

}  // namespace
}  // namespace foundry::lm
