#include "services/coordinator/input_facts.h"

#include <filesystem>

#include "common/base/files.h"
#include "common/config/spec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::coordinator {
namespace {

using ::testing::HasSubstr;

class InputFactsTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteFileAtomic(folder_.path() / name, content).ok());
  }
  absl::StatusOr<InputFacts> Facts(const std::string& yaml) {
    const auto spec =
        config::ParseSpec(yaml, "test.yaml", folder_.path(), {.paths_must_exist = false});
    EXPECT_TRUE(spec.ok()) << spec.status();
    return ReadInputFacts(*spec);
  }
  std::string HashOf(const std::string& yaml, const std::string& path) {
    const auto facts = Facts(yaml);
    EXPECT_TRUE(facts.ok()) << facts.status();
    const auto found = facts->hashes.find((folder_.path() / path).string());
    return found == facts->hashes.end() ? "" : found->second;
  }

  TempFolder folder_ = TempFolder::Make().value();
};

TEST_F(InputFactsTest, FolderHashFollowsNamesAndContentNotPlace) {
  Write("a/x/1.pdf", "one");
  Write("b/x/1.pdf", "one");
  const std::string before = HashOf("sources: [{pdf: a}]\n", "a");
  EXPECT_FALSE(before.empty());
  EXPECT_EQ(HashOf("sources: [{pdf: b}]\n", "b"), before);
  Write("b/x/1.pdf", "two");
  EXPECT_NE(HashOf("sources: [{pdf: b}]\n", "b"), before);
  Write("a/x/2.pdf", "");
  EXPECT_NE(HashOf("sources: [{pdf: a}]\n", "a"), before);
}

TEST_F(InputFactsTest, PatternsCoverWhatTheyMatch) {
  Write("p/1.json", "[]");
  const char* const yaml = "sources: [{json: 'p/*.json'}]\n";
  const std::string before = HashOf(yaml, "p/*.json");
  EXPECT_FALSE(before.empty());
  Write("p/other.txt", "");
  EXPECT_EQ(HashOf(yaml, "p/*.json"), before);
  Write("p/2.json", "[]");
  EXPECT_NE(HashOf(yaml, "p/*.json"), before);
}

TEST_F(InputFactsTest, MissingFilesHaveNoHash) {
  EXPECT_EQ(HashOf("sources: [{pdf: nowhere}]\n", "nowhere"), "");
  EXPECT_FALSE(Facts("inputs: {teacher_pairs: nowhere.json}\n")->pairs_need_targets.has_value());
}

TEST_F(InputFactsTest, PairsAreLookedThroughForEmptyTargets) {
  Write("full.json", R"([{"input": "q", "target": "a"}])");
  Write("some.json", R"([{"input": "q", "target": "a"}, {"input": "r", "target": ""}])");
  Write("broken.json", R"([{"input": 7}])");
  EXPECT_EQ(Facts("inputs: {teacher_pairs: full.json}\n")->pairs_need_targets, false);
  EXPECT_EQ(Facts("inputs: {teacher_pairs: some.json}\n")->pairs_need_targets, true);
  const auto broken = Facts("inputs: {teacher_pairs: broken.json}\n");
  EXPECT_EQ(broken.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(broken.status().message(), HasSubstr("broken.json"));
}

}  // namespace
}  // namespace foundry::coordinator
