#include "common/base/listing.h"

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class ListingTest : public ::testing::Test {
 protected:
  ListingTest() {
    for (const char* name : {"docs/a.json", "docs/b.json", "docs/c.txt", "docs [x]/a.json",
                             "docs [x]/deep [y]/b.json", "docs/.git/config"}) {
      EXPECT_TRUE(WriteFileAtomic(folder_.path() / name, "{}").ok());
    }
  }
  std::vector<std::string> Match(const std::string& path) {
    std::vector<std::string> out;
    for (const fs::path& found : MatchPaths((folder_.path() / path).string())) {
      out.push_back(found.lexically_relative(folder_.path()).string());
    }
    return out;
  }
  TempFolder folder_ = *TempFolder::Make();
};

TEST_F(ListingTest, WildcardsMatch) {
  EXPECT_THAT(Match("docs/*.json"), ElementsAre("docs/a.json", "docs/b.json"));
  EXPECT_THAT(Match("doc?/[ac].*"), ElementsAre("docs/a.json", "docs/c.txt"));
  EXPECT_THAT(Match("none/*.json"), ElementsAre());
  EXPECT_THAT(Match("none"), ElementsAre());
}

TEST_F(ListingTest, WhatExistsIsMeantAsItStands) {
  EXPECT_THAT(Match("docs [x]"), ElementsAre("docs [x]"));
  EXPECT_THAT(Match("docs [x]/a.json"), ElementsAre("docs [x]/a.json"));
  EXPECT_THAT(Match("docs [x]/*.json"), ElementsAre("docs [x]/a.json"));
  EXPECT_THAT(Match("docs [x]/deep [y]/?.json"), ElementsAre("docs [x]/deep [y]/b.json"));
  const PathPattern split = SplitPattern((folder_.path() / "docs [x]/d*/b.json").string());
  EXPECT_EQ(split.folder, folder_.path() / "docs [x]");
  EXPECT_EQ(split.pattern, "d*/b.json");
  EXPECT_EQ(SplitPattern("*.nothing").folder, ".");
}

TEST_F(ListingTest, FoldersAreListedThroughLinks) {
  fs::create_directory_symlink(folder_.path() / "docs [x]", folder_.path() / "docs/link");
  fs::create_directory_symlink("..", folder_.path() / "docs/loop");
  fs::create_symlink("nowhere", folder_.path() / "docs/dangling");
  const auto files = ListFiles(folder_.path() / "docs");
  ASSERT_TRUE(files.ok());
  std::vector<std::string> names;
  for (const fs::path& file : *files) names.push_back(file.string());
  EXPECT_THAT(names,
              ElementsAre("a.json", "b.json", "c.txt", "link/a.json", "link/deep [y]/b.json"));
}

}  // namespace
}  // namespace foundry
