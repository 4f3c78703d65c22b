#include "services/evaluator/pattern.h"

#include <string>

#include "gtest/gtest.h"

namespace foundry::evaluator {
namespace {

TEST(PatternTest, FindsInsideTheTextWithoutCase) {
  auto pattern = Pattern::Make("/usr/(local/)?share\\b");
  ASSERT_TRUE(pattern.ok());
  EXPECT_TRUE(*pattern->Find("It is in /USR/share."));
  EXPECT_FALSE(*pattern->Find("It is in /usr/lib."));
}

TEST(PatternTest, EndlessBacktrackingEndsInAnError) {
  auto pattern = Pattern::Make("(a+)+b");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(pattern->Find(std::string(5000, 'a')).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace foundry::evaluator
