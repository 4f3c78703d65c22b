#include "common/storage/file_store.h"

#include <fstream>
#include <thread>
#include <vector>

#include "common/base/files.h"
#include "common/base/hash.h"
#include "gtest/gtest.h"

namespace foundry::storage {
namespace {

namespace fs = std::filesystem;

class FileStoreTest : public ::testing::Test {
 protected:
  TempFolder folder_ = *TempFolder::Make();
  std::unique_ptr<FileStore> store_ = *FileStore::Open(folder_.path() / "store");
};

TEST_F(FileStoreTest, NamesBlobsByTheirContent) {
  const auto blob = store_->PutBytes("hello");
  ASSERT_TRUE(blob.ok()) << blob.status();
  EXPECT_EQ(blob->sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(blob->size_bytes, 5);
  EXPECT_TRUE(fs::exists(folder_.path() / "store/blobs/sha256/2c" / blob->sha256));
  EXPECT_EQ(*store_->GetBytes(blob->sha256), "hello");
  EXPECT_EQ(store_->PutBytes("hello")->sha256, blob->sha256);
  EXPECT_TRUE(fs::is_empty(folder_.path() / "store/partial"));
}

TEST_F(FileStoreTest, ClearsWhatKilledProcessesLeft) {
  const fs::path old = folder_.path() / "store/partial/old", young = old.parent_path() / "young";
  std::ofstream(old) << "half";
  std::ofstream(young) << "half";
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(25));
  ASSERT_TRUE(FileStore::Open(folder_.path() / "store").ok());
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young));  // somebody may be writing it
}

TEST_F(FileStoreTest, FilesGoInAndOut) {
  std::ofstream(folder_.path() / "f") << std::string(1 << 20, 'x');
  const auto blob = store_->PutFile(folder_.path() / "f");
  ASSERT_TRUE(blob.ok()) << blob.status();
  fs::remove(folder_.path() / "f");
  for (const Placement placement : {Placement::kLink, Placement::kCopy}) {
    const fs::path to = folder_.path() / "out" / std::to_string(static_cast<int>(placement));
    ASSERT_TRUE(store_->GetFile(blob->sha256, to, placement).ok());
    EXPECT_EQ(*Sha256HexOfFile(to), blob->sha256);
    EXPECT_EQ(fs::hard_link_count(to) == 2, placement == Placement::kLink);
  }
}

TEST_F(FileStoreTest, ChangedContentIsFound) {
  const std::string sha256 = store_->PutBytes("hello")->sha256;
  fs::permissions(store_->PathOf(sha256), fs::perms::owner_all);
  std::ofstream(store_->PathOf(sha256)) << "hellO";
  EXPECT_EQ(store_->GetBytes(sha256).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store_->GetFile(sha256, folder_.path() / "out", Placement::kCopy).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_FALSE(fs::exists(folder_.path() / "out"));
}

TEST_F(FileStoreTest, RefusesWhatIsNoHash) {
  EXPECT_EQ(store_->GetBytes("../../etc/passwd").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->GetBytes(Sha256Hex("absent")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(OpenStore("ftp://host/x").ok());
}

TEST_F(FileStoreTest, ManyWritersOfOneBlobAgree) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([this] { EXPECT_TRUE(store_->PutBytes(std::string(100000, 'y')).ok()); });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(store_->GetBytes(Sha256Hex(std::string(100000, 'y'))).ok());
  EXPECT_TRUE(fs::is_empty(folder_.path() / "store/partial"));
}

}  // namespace
}  // namespace foundry::storage
