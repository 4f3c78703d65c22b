#include "common/lm/weights/dequantize.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "common/lm/weights/half.h"
#include "common/lm/weights/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

std::filesystem::path SourceDir() {
  const char* folder = std::getenv("FOUNDRY_SOURCE_DIR");
  return folder == nullptr ? "." : folder;
}

// Bit-identical to the values of the reference package gguf (tests/data/quants/make_quants.py).
TEST(DequantizeTest, MatchesTheReferencePackage) {
  auto file = Safetensors::Open(SourceDir() / "tests/data/quants/blocks.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  for (DType dtype : {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                      DType::kQ4_K, DType::kQ5_K, DType::kQ6_K}) {
    const std::string name(Info(dtype).name);
    const TensorView* blocks = (*file)->Find(name + ".bytes");
    ASSERT_NE(blocks, nullptr) << name;
    auto expected = (*file)->Float32(name + ".values");
    ASSERT_TRUE(expected.ok()) << expected.status();
    std::vector<float> values(expected->size());
    ASSERT_TRUE(Dequantize(dtype, blocks->bytes, absl::MakeSpan(values)).ok());
    EXPECT_EQ(values, *expected) << name;
  }
}

TEST(DequantizeTest, RefusesLengthsThatDisagree) {
  std::vector<uint8_t> bytes(34);
  std::vector<float> out(31);
  EXPECT_FALSE(Dequantize(DType::kQ8_0, bytes, absl::MakeSpan(out)).ok());
  out.resize(64);
  EXPECT_FALSE(Dequantize(DType::kQ8_0, bytes, absl::MakeSpan(out)).ok());
  out.resize(32);
  EXPECT_TRUE(Dequantize(DType::kQ8_0, bytes, absl::MakeSpan(out)).ok());
  bytes.resize(35);
  EXPECT_FALSE(Dequantize(DType::kQ8_0, bytes, absl::MakeSpan(out)).ok());
}

TEST(HalfTest, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint16_t half = static_cast<uint16_t>(bits);
    const float value = HalfToFloat(half);
    const int exponent = (half >> 10) & 31, mantissa = half & 1023;
    if (exponent == 31 && mantissa != 0) {
      EXPECT_TRUE(std::isnan(value));
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(value))));
      continue;
    }
    const float magnitude = exponent == 31  ? std::numeric_limits<float>::infinity()
                            : exponent == 0 ? std::ldexp(mantissa, -24)
                                            : std::ldexp(1024 + mantissa, exponent - 25);
    ASSERT_EQ(value, half & 0x8000 ? -magnitude : magnitude) << half;
    ASSERT_EQ(FloatToHalf(value), half);
  }
}

TEST(HalfTest, RoundsToNearestEven) {
  EXPECT_EQ(FloatToHalf(1.0f + 1.0f / 2048), FloatToHalf(1.0f));  // a tie: to even
  EXPECT_EQ(FloatToHalf(1.0f + 3.0f / 2048), FloatToHalf(1.0f + 2.0f / 1024));
  EXPECT_EQ(HalfToFloat(FloatToHalf(65519.0f)), 65504.0f);
  EXPECT_TRUE(std::isinf(HalfToFloat(FloatToHalf(65520.0f))));
  EXPECT_EQ(FloatToHalf(std::ldexp(1.0f, -25)), 0);  // a tie: to even
  EXPECT_EQ(FloatToHalf(std::ldexp(1.1f, -25)), 1);
  EXPECT_EQ(FloatToBFloat16(1.0f + 1.0f / 256), 0x3f80);  // a tie: to even
  EXPECT_EQ(FloatToBFloat16(1.0f + 3.0f / 256), 0x3f82);
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(std::nanf("")))));
}

}  // namespace
}  // namespace foundry::lm
