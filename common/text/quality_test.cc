#include "common/text/quality.h"

#include <gtest/gtest.h>

#include <string>

namespace foundry::text {
namespace {

TEST(QualityTest, ProseAndCodePass) {
  EXPECT_GT(TextQuality("The quick brown fox jumps over the lazy dog, and then it sleeps."), 0.9);
  EXPECT_GT(
      TextQuality(
          "def has_close(numbers: List[float], t: float) -> bool:\n    return numbers[0] < t\n"),
      0.8);
  EXPECT_GT(TextQuality("find . -name '*.txt' -exec rm {} \\;"), 0.5);
  EXPECT_GT(TextQuality("\u3053\u308C\u306F\u65E5\u672C\u8A9E\u3067\u3059\u3002"), 0.9);
}

TEST(QualityTest, RubbishFails) {
  EXPECT_EQ(TextQuality(""), 0);
  EXPECT_LT(TextQuality("\uFFFD\uFFFD\uFFFD a \uFFFD\uFFFD"), 0.1);
  EXPECT_LT(TextQuality(std::string(5000, 'a')), 0.5);
  EXPECT_LT(TextQuality("%$#@ ^&*() <<>> ~~~ ||| @@@ ### $$$"), 0.5);
}

TEST(QualityTest, RepetitionLowers) {
  std::string repeated;
  for (int i = 0; i < 50; ++i) repeated += "This line is here again and again.\n";
  EXPECT_LT(TextQuality(repeated), 0.6);
}

}  // namespace
}  // namespace foundry::text
