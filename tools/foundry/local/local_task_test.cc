#include "tools/foundry/local/local_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/files.h"

namespace foundry::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class LocalTaskTest : public ::testing::Test {
 protected:
  LocalTaskTest() {
    stage_.name = "merger";
    stage_.handlers[worker::StageRequest::kMerge] = [](const worker::StageRequest&,
                                                       worker::TaskContext& context) {
      absl::Status written = WriteFileAtomic(context.output() / "pairs.json", "new");
      if (written.ok()) written = WriteFileAtomic(context.output() / "best/model", "new");
      return written.ok() ? absl::StatusOr<worker::StageOutput>(worker::StageOutput{}) : written;
    };
    request_.mutable_merge();
  }
  absl::Status Run(const fs::path& output) {
    auto task = LocalTask::Make(output);
    if (!task.ok()) return task.status();
    return (*task)->Run(stage_, request_).status();
  }
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

  TempFolder folder_ = *TempFolder::Make();
  worker::Stage stage_;
  worker::StageRequest request_;
};

TEST_F(LocalTaskTest, OutputMayEndInASlashAndMayExist) {
  for (const char* output : {"out", "out/", "out/", "./out/."}) {
    const absl::Status ended = Run(Path(output));
    ASSERT_TRUE(ended.ok()) << output << ": " << ended;
    EXPECT_EQ(*ReadFile(Path("out/pairs.json")), "new");
    EXPECT_EQ(*ReadFile(Path("out/best/model")), "new");
    EXPECT_FALSE(fs::exists(Path("out.work"))) << output;
    EXPECT_EQ(std::distance(fs::directory_iterator(Path("out")), {}), 2) << output;
  }
}

// --output . in a folder full of other things.
TEST_F(LocalTaskTest, WhatElseLiesThereStays) {
  ASSERT_TRUE(WriteFileAtomic(Path("home/thesis.tex"), "years of work").ok());
  ASSERT_TRUE(WriteFileAtomic(Path("home/best/model"), "old").ok());
  ASSERT_TRUE(WriteFileAtomic(Path("home/best/gone"), "old").ok());
  const absl::Status ended = Run(Path("home/."));
  ASSERT_TRUE(ended.ok()) << ended;
  EXPECT_EQ(*ReadFile(Path("home/thesis.tex")), "years of work");
  EXPECT_EQ(*ReadFile(Path("home/best/model")), "new");
  EXPECT_FALSE(fs::exists(Path("home/best/gone")));
}

TEST_F(LocalTaskTest, RefusesWhatCannotHoldResultsBeforeAnyWork) {
  ASSERT_TRUE(WriteFileAtomic(Path("file"), "x").ok());
  EXPECT_THAT(std::string(Run(Path("file")).message()), HasSubstr("is a file"));
  EXPECT_EQ(Run("/").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Run("").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LocalTaskTest, OneCommandAtATimeMakesAnOutput) {
  const auto first = LocalTask::Make(Path("out"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Run(Path("out/")).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE((*first)->Run(stage_, request_).ok());
}

}  // namespace
}  // namespace foundry::cli
