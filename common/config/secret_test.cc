#include "common/config/secret.h"

#include <cstdlib>

#include "common/base/files.h"
#include "gtest/gtest.h"

namespace foundry::config {
namespace {

TEST(Secret, ComesFromVariablesAndFiles) {
  setenv("FOUNDRY_TEST_SECRET", "s3cret", 1);
  EXPECT_EQ(*ResolveSecret("env:FOUNDRY_TEST_SECRET"), "s3cret");
  const auto folder = TempFolder::Make();
  ASSERT_TRUE(WriteFileAtomic(folder->path() / "key", "k\n").ok());
  EXPECT_EQ(*ResolveSecret("file:" + (folder->path() / "key").string()), "k");
}

TEST(Secret, ErrorsNameTheReferenceOnly) {
  EXPECT_EQ(ResolveSecret("env:FOUNDRY_NO_SUCH").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ResolveSecret("file:/no/such").status().code(), absl::StatusCode::kNotFound);
  const absl::Status plain = ResolveSecret("hunter2").status();
  EXPECT_EQ(plain.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(plain.message().find("hunter2"), absl::string_view::npos);
}

}  // namespace
}  // namespace foundry::config
