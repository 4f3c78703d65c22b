#include "common/lm/model_path.h"

#include <cstdlib>
#include <memory>
#include <string>

#include "common/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ModelPathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
    root_ = folder_->path();
    setenv("FOUNDRY_MODELS", (root_ / "named").c_str(), 1);
    setenv("HF_HUB_CACHE", (root_ / "hub").c_str(), 1);
  }
  void TearDown() override {
    unsetenv("FOUNDRY_MODELS");
    unsetenv("HF_HUB_CACHE");
  }
  void Write(const std::string& name, const std::string& text = "{}") {
    ASSERT_TRUE(WriteFileAtomic(root_ / name, text).ok());
  }
  std::unique_ptr<TempFolder> folder_;
  fs::path root_;
};

TEST_F(ModelPathTest, FindsPathsNamesAndTheHubCache) {
  Write("named/a/model.gguf");
  Write("file.gguf");
  Write("hub/models--org--b/refs/main", "abc123\n");
  Write("hub/models--org--b/snapshots/abc123/config.json");
  EXPECT_EQ(*ResolveModel("a"), root_ / "named/a");
  EXPECT_EQ(*ResolveModel((root_ / "file.gguf").string()), root_ / "file.gguf");
  EXPECT_EQ(*ResolveModel("org/b"), root_ / "hub/models--org--b/snapshots/abc123");
}

TEST_F(ModelPathTest, FoundryModelsComesBeforeTheHubCache) {
  Write("named/org/b/config.json");
  Write("hub/models--org--b/refs/main", "abc123");
  Write("hub/models--org--b/snapshots/abc123/config.json");
  EXPECT_EQ(*ResolveModel("org/b"), root_ / "named/org/b");
}

TEST_F(ModelPathTest, TheErrorListsThePlaces) {
  Write("named/empty/readme.txt");
  const auto error = ResolveModel("empty").status();
  EXPECT_EQ(error.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("no model 'empty'"), HasSubstr("/named/empty"),
                                     HasSubstr("models--empty"), HasSubstr("FOUNDRY_MODELS")));
  EXPECT_FALSE(ResolveModel("").ok());
  EXPECT_THAT(ResolveModel("./nowhere").status().message(), ::testing::Not(HasSubstr("/named")));
}

}  // namespace
}  // namespace foundry::lm
