#include "common/storage/garbage.h"

#include <atomic>
#include <fstream>
#include <thread>

#include "absl/time/clock.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/storage/manifest.h"
#include "gtest/gtest.h"

namespace foundry::storage {
namespace {

class GarbageTest : public ::testing::Test {
 protected:
  TempFolder folder_ = *TempFolder::Make();
  std::unique_ptr<ArtifactStore> store_ = *OpenStore((folder_.path() / "store").string());
};

TEST_F(GarbageTest, KeepsWhatManifestsNameAndWhatIsYoung) {
  std::filesystem::create_directories(folder_.path() / "made");
  std::ofstream(folder_.path() / "made/a") << "committed";
  const StoredManifest stored = *PutFolder(folder_.path() / "made", store_.get());
  const std::string orphan = store_->PutBytes("orphan")->sha256;
  const absl::Time later = absl::Now() + absl::Seconds(1);

  auto report = CollectGarbage({stored.sha256}, absl::Now() - absl::Hours(24), store_.get());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->removed, 0) << "everything is young";

  report = CollectGarbage({stored.sha256}, later, store_.get());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->removed, 1);
  EXPECT_EQ(report->kept, 2);
  EXPECT_FALSE(*store_->Has(orphan));
  EXPECT_EQ(*store_->GetBytes(stored.manifest.artifacts(0).sha256()), "committed");
}

TEST_F(GarbageTest, AnotherInstallationsStoreIsLeftAlone) {
  const std::string orphan = store_->PutBytes("orphan")->sha256;
  EXPECT_EQ(CollectGarbage({Sha256Hex("gone")}, absl::Now() + absl::Hours(1), store_.get())
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(*store_->Has(orphan));
}

TEST_F(GarbageTest, OneMissingManifestDoesNotStopCollectionForGood) {
  std::filesystem::create_directories(folder_.path() / "made");
  std::ofstream(folder_.path() / "made/a") << "committed";
  const StoredManifest stored = *PutFolder(folder_.path() / "made", store_.get());
  const std::string orphan = store_->PutBytes("orphan")->sha256;
  const auto report = CollectGarbage({stored.sha256, Sha256Hex("gone")},
                                     absl::Now() + absl::Hours(1), store_.get());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->missing, 1);
  EXPECT_EQ(report->a_missing_one, Sha256Hex("gone"));
  EXPECT_FALSE(*store_->Has(orphan));
  EXPECT_TRUE(*store_->Has(stored.sha256));
}

TEST_F(GarbageTest, AnUnreadableManifestRemovesNothing) {
  const std::string broken = store_->PutBytes("{\"artifacts\": [")->sha256;
  EXPECT_FALSE(CollectGarbage({broken}, absl::Now() + absl::Hours(1), store_.get()).ok());
  const std::string orphan = store_->PutBytes("orphan")->sha256;
  EXPECT_TRUE(*store_->Has(orphan));
}

TEST_F(GarbageTest, PuttingAgainSavesABlob) {
  const std::string sha256 = store_->PutBytes("x")->sha256;
  // File times move in steps of the kernel's tick, up to 10 ms.
  const absl::Time between = absl::Now() + absl::Milliseconds(30);
  while (absl::Now() < between + absl::Milliseconds(30)) std::this_thread::yield();
  ASSERT_TRUE(store_->PutBytes("x").ok());
  EXPECT_FALSE(*store_->RemoveOlder(sha256, between));
  EXPECT_TRUE(*store_->Has(sha256));
}

TEST_F(GarbageTest, WritersBesideACollectorNeverLoseABlob) {
  std::atomic<bool> stop = false;
  const std::string sha256 = Sha256Hex("shared");
  std::thread collector([&] {
    const absl::Time long_ago = absl::Now() - absl::Hours(24);
    while (!stop) {
      EXPECT_TRUE(store_->RemoveOlder(sha256, long_ago).ok());
    }
  });
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(store_->PutBytes("shared").ok());
  }
  stop = true;
  collector.join();
  EXPECT_EQ(*store_->GetBytes(sha256), "shared");
}

}  // namespace
}  // namespace foundry::storage
