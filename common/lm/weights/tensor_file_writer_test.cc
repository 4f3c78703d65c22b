#include "common/lm/weights/tensor_file_writer.h"

#include <cmath>
#include <fstream>
#include <random>

#include "common/base/files.h"
#include "common/lm/weights/dequantize.h"
#include "common/lm/weights/quantize.h"
#include "common/lm/weights/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::vector<float> Values(int count) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> out(count);
  for (float& value : out) value = normal(random);
  return out;
}

std::vector<float> ReadBack(const TensorView& view) {
  std::vector<float> out(*ElementCount(view.shape));
  EXPECT_TRUE(Dequantize(view.dtype, view.bytes, absl::MakeSpan(out)).ok());
  return out;
}

TEST(TensorFileWriterTest, SafetensorsReadBackExactly) {
  auto folder = TempFolder::Make();
  const fs::path path = folder->path() / "x.safetensors";
  const std::vector<float> values = Values(6);
  auto writer = TensorFileWriter::Safetensors(
      path, {{"format", "pt"}}, {{"b", DType::kF32, {2, 3}}, {"a", DType::kF16, {3}}});
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE((*writer)->Write("b", values).ok());
  ASSERT_TRUE((*writer)->Write("a", {1.0f, -0.5f, 65504.0f}).ok());
  auto size = (*writer)->Finish();
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_EQ(*size, static_cast<int64_t>(fs::file_size(path)));
  auto file = Safetensors::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*(*file)->Float32("b"), values);
  EXPECT_EQ(*(*file)->Float32("a"), (std::vector<float>{1.0f, -0.5f, 65504.0f}));
  EXPECT_EQ((*file)->Find("b")->shape, (std::vector<int64_t>{2, 3}));
}

TEST(TensorFileWriterTest, GgufReadsBackWithItsMetadata) {
  auto folder = TempFolder::Make();
  const fs::path path = folder->path() / "x.gguf";
  GgufValue nested;
  nested.type = GgufType::kArray;
  nested.element = GgufType::kArray;
  nested.value = std::vector<GgufValue>{GgufValue::Int32s({-1, 2})};
  const GgufMetadata metadata = {{"text", GgufValue::String("Ġa")},
                                 {"number", GgufValue::Uint32(4000000000u)},
                                 {"real", GgufValue::Float32(0.5f)},
                                 {"flag", GgufValue::Bool(true)},
                                 {"words", GgufValue::Strings({"a", ""})},
                                 {"scores", GgufValue::Float32s({1.5, -2})},
                                 {"nested", nested}};
  const std::vector<float> values = Values(96);
  auto writer = TensorFileWriter::Gguf(
      path, metadata,
      {{"q", DType::kQ8_0, {3, 32}}, {"h", DType::kBF16, {3}}, {"f", DType::kF32, {96}}});
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE((*writer)->Write("q", values).ok());
  ASSERT_TRUE((*writer)->Write("h", {1, 2, -4}).ok());
  ASSERT_TRUE((*writer)->Write("f", values).ok());
  ASSERT_TRUE((*writer)->Finish().ok());
  auto file = Gguf::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->metadata().size(), metadata.size());
  EXPECT_EQ(*(*file)->String("text"), "Ġa");
  EXPECT_EQ(*(*file)->Int("number"), 4000000000);
  EXPECT_EQ(**(*file)->Strings("words"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(**(*file)->Doubles("scores"), (std::vector<double>{1.5, -2}));
  EXPECT_EQ(ReadBack(*(*file)->FindTensor("f")), values);
  EXPECT_EQ(ReadBack(*(*file)->FindTensor("h")), (std::vector<float>{1, 2, -4}));
  const std::vector<float> quantised = ReadBack(*(*file)->FindTensor("q"));
  for (int i = 0; i < 96; ++i) EXPECT_NEAR(quantised[i], values[i], 0.2 / 127);
}

// Bytes of the reference package gguf (tests/data/quants/make_quants.py).
TEST(QuantizeTest, BlocksAreThoseOfTheReferencePackage) {
  const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
  auto file = Safetensors::Open(fs::path(source == nullptr ? "." : source) /
                                "tests/data/quants/blocks.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0}) {
    std::string bytes;
    ASSERT_TRUE(Quantize(dtype, *(*file)->Float32("source"), &bytes).ok());
    const TensorView* expected = (*file)->Find("source." + std::string(Info(dtype).name));
    ASSERT_NE(expected, nullptr);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), expected->bytes.begin(),
                           expected->bytes.end(),
                           [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; }))
        << Info(dtype).name;
  }
}

// Root of the mean square of what is lost, by reading back.
double Lost(DType dtype, const std::vector<float>& values) {
  std::string bytes;
  EXPECT_TRUE(Quantize(dtype, values, &bytes).ok());
  std::vector<float> back(values.size());
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  EXPECT_TRUE(Dequantize(dtype, {data, bytes.size()}, absl::MakeSpan(back)).ok());
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += std::pow(back[i] - values[i], 2);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

TEST(QuantizeTest, Q4_KKeepsMoreThanQ4_0) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> values(256 * 16);
  for (float& x : values) x = normal(random);
  // Sixteen levels over a sub-block's range of about four deviations lose a fourteenth of one.
  EXPECT_LT(Lost(DType::kQ4_K, values), 0.05 * 0.075);
  EXPECT_LT(Lost(DType::kQ4_K, values), 0.95 * Lost(DType::kQ4_0, values));
  // Minima have a sign: values on one side of zero, a constant, zeros.
  for (float& x : values) x = std::abs(x) + 1;
  EXPECT_LT(Lost(DType::kQ4_K, values), 0.05);
  EXPECT_LT(Lost(DType::kQ4_K, std::vector<float>(256, -2.5f)), 0.01);
  EXPECT_EQ(Lost(DType::kQ4_K, std::vector<float>(256, 0.0f)), 0);
}

TEST(QuantizeTest, ValuesThatDoNotFitAreErrors) {
  std::string out;
  EXPECT_THAT(Quantize(DType::kF16, {1, 70000}, &out).message(), HasSubstr("too large for F16"));
  EXPECT_THAT(Quantize(DType::kF32, {1, NAN}, &out).message(), HasSubstr("not finite"));
  EXPECT_THAT(Quantize(DType::kF32, {-INFINITY}, &out).message(), HasSubstr("not finite"));
  EXPECT_THAT(Quantize(DType::kQ8_0, std::vector<float>(33), &out).message(), HasSubstr("blocks"));
  EXPECT_THAT(Quantize(DType::kQ5_K, std::vector<float>(256), &out).message(),
              HasSubstr("cannot be written"));
  EXPECT_TRUE(out.empty());
}

TEST(TensorFileWriterTest, AnUnfinishedFileIsRemoved) {
  auto folder = TempFolder::Make();
  const fs::path path = folder->path() / "x.gguf";
  {
    auto writer = TensorFileWriter::Gguf(path, {}, {{"a", DType::kF32, {1}}});
    ASSERT_TRUE(writer.ok());
    EXPECT_FALSE((*writer)->Write("b", {1}).ok());
    EXPECT_FALSE((*writer)->Write("a", {1, 2}).ok());
    EXPECT_FALSE((*writer)->Write("a", {1}).ok());
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace foundry::lm
