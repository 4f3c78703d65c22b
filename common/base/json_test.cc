#include "common/base/json.h"

#include "gtest/gtest.h"

namespace foundry {
namespace {

TEST(Json, NumbersBeyondTheTypeAreRefused) {
  const Json json = *ParseJson(
      R"({"most": 9223372036854775807, "more": 9223372036854775808, "all": 18446744073709551615})",
      "text");
  EXPECT_EQ(*JsonInt(json, "most"), INT64_MAX);
  for (const char* key : {"more", "all"}) {
    const auto value = JsonInt(json, key);
    ASSERT_FALSE(value.ok()) << *value;
    EXPECT_NE(value.status().message().find(key), absl::string_view::npos);
  }
  EXPECT_FALSE(ParseJson("1e999", "text").ok());
}

TEST(Json, NestingIsBounded) {
  EXPECT_TRUE(ParseJson(std::string(200, '[') + std::string(200, ']'), "text").ok());
  EXPECT_FALSE(ParseJson(std::string(201, '[') + std::string(201, ']'), "text").ok());
  EXPECT_TRUE(ParseJson('"' + std::string(500, '[') + '"', "text").ok());
}

}  // namespace
}  // namespace foundry
