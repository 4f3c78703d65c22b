#include "common/worker/work_folder.h"

#include <fstream>
#include <thread>
#include <vector>

#include "common/storage/manifest.h"
#include "gtest/gtest.h"

namespace foundry::worker {
namespace {

namespace fs = std::filesystem;

class WorkFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_.path() / "made/best");
    std::ofstream(folder_.path() / "made/best/a") << "A";
    std::ofstream(folder_.path() / "made/b") << "B";
    stored_ = *storage::PutFolder(folder_.path() / "made", store_.get());
  }
  std::unique_ptr<WorkFolder> Open(absl::Duration input_life = absl::Hours(1)) {
    auto opened = WorkFolder::Open(folder_.path() / "work", store_.get(), input_life);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }

  TempFolder folder_ = *TempFolder::Make();
  std::unique_ptr<storage::ArtifactStore> store_ =
      *storage::OpenStore((folder_.path() / "store").string());
  storage::StoredManifest stored_;
};

TEST_F(WorkFolderTest, FetchesPathsAndParts) {
  const auto work = Open();
  EXPECT_EQ(work->Fetch({.path = (folder_.path() / "made").string(), .name = "b"})->path,
            folder_.path() / "made/b");
  const auto file = work->Fetch({.manifest = stored_.sha256, .name = "best/a"});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*ReadFile(file->path), "A");
  const auto folder = work->Fetch({.manifest = stored_.sha256, .name = "best"});
  EXPECT_EQ(*ReadFile(folder->path / "a"), "A");
  const auto whole = work->Fetch({.manifest = stored_.sha256});
  EXPECT_EQ(*ReadFile(whole->path / "b"), "B");
  EXPECT_EQ(work->Fetch({.manifest = stored_.sha256})->path, whole->path);
}

TEST_F(WorkFolderTest, MissingInputsAreNamed) {
  const auto work = Open();
  EXPECT_EQ(work->Fetch({.path = "/no/such"}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(work->Fetch({.manifest = std::string(64, '0')}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(work->Fetch({.manifest = stored_.sha256, .name = "gone"}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(work->Fetch({}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(WorkFolderTest, TheCacheOutlivesProcessesAndForgetsAfterAMonth) {
  const fs::path folder = Open()->cache() / "below";
  fs::create_directories(folder);
  std::ofstream(folder / "new") << "new";
  std::ofstream(folder / "old") << "old";
  fs::last_write_time(folder / "old",
                      fs::file_time_type::clock::now() - std::chrono::hours(31 * 24));
  const auto work = Open();
  EXPECT_EQ(work->cache(), folder.parent_path());
  EXPECT_EQ(*ReadFile(folder / "new"), "new");
  EXPECT_FALSE(fs::exists(folder / "old"));
}

TEST_F(WorkFolderTest, InputsThatNobodyHoldsAnyMoreGo) {
  const auto work = Open(/*input_life=*/absl::ZeroDuration());
  auto held = *work->Fetch({.manifest = stored_.sha256, .name = "best"});
  const fs::path unheld = work->Fetch({.manifest = stored_.sha256, .name = "b"})->path;
  ASSERT_TRUE(fs::exists(unheld));
  const fs::path whole = work->Fetch({.manifest = stored_.sha256})->path;
  EXPECT_FALSE(fs::exists(unheld));
  EXPECT_EQ(*ReadFile(held.path / "a"), "A");
  held.hold.reset();
  const auto again = work->Fetch({.manifest = stored_.sha256, .name = "b"});
  EXPECT_EQ(*ReadFile(again->path), "B");
  EXPECT_FALSE(fs::exists(held.path));
  EXPECT_FALSE(fs::exists(whole));
}

TEST_F(WorkFolderTest, InputsStayForAWhile) {
  const auto work = Open();
  const fs::path first = work->Fetch({.manifest = stored_.sha256, .name = "b"})->path;
  (void)work->Fetch({.manifest = stored_.sha256});
  EXPECT_TRUE(fs::exists(first));
}

TEST_F(WorkFolderTest, ConcurrentFetchesShareOneCopy) {
  const auto work = Open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&] { EXPECT_TRUE(work->Fetch({.manifest = stored_.sha256, .name = "best"}).ok()); });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(WorkFolderTest, ScratchOutlivesTheProcessAndTheRestDoesNot) {
  auto work = Open();
  std::ofstream(*work->Scratch("t1") / "checkpoint") << "x";
  std::ofstream(folder_.path() / "work/outputs/left") << "x";
  EXPECT_EQ(WorkFolder::Open(folder_.path() / "work", nullptr).status().code(),
            absl::StatusCode::kUnavailable);
  work.reset();
  work = Open();
  EXPECT_TRUE(fs::exists(*work->Scratch("t1") / "checkpoint"));
  EXPECT_FALSE(fs::exists(folder_.path() / "work/outputs/left"));
  work->RemoveScratch("t1");
  EXPECT_TRUE(fs::is_empty(*work->Scratch("t1")));
  EXPECT_EQ(work->Scratch("../../x")->parent_path(), work->Scratch("t1")->parent_path());
}

}  // namespace
}  // namespace foundry::worker
