#include "common/text/keywords.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "common/text/sentences.h"

namespace foundry::text {
namespace {

constexpr char kText[] =
    "The message queue stores every message until a consumer takes it. A message queue keeps "
    "order. "
    "Consumers acknowledge a message after the work is done; the message queue then forgets it. "
    "Replication copies the queue to other machines, and replication costs time.";

TEST(KeywordsTest, FindsTheTopicFirst) {
  KeywordOptions options;
  options.count = 4;
  const std::vector<std::string> keywords = ExtractKeywords(kText, SplitSentences(kText), options);
  ASSERT_EQ(keywords.size(), 4u);
  EXPECT_EQ(keywords[0], "message queue");
  EXPECT_THAT(keywords, ::testing::Contains(::testing::Truly([](const std::string& k) {
                return absl::AsciiStrToLower(k) == "replication";
              })));
}

TEST(KeywordsTest, NoneWhenNoneAreAsked) {
  KeywordOptions options;
  options.count = 0;
  EXPECT_TRUE(ExtractKeywords(kText, SplitSentences(kText), options).empty());
  EXPECT_TRUE(ExtractKeywords("", {}, {}).empty());
}

}  // namespace
}  // namespace foundry::text
