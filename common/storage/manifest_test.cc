#include "common/storage/manifest.h"

#include <fstream>

#include "common/base/files.h"
#include "common/storage/export.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ManifestTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& content) {
    fs::create_directories((work_ / name).parent_path());
    std::ofstream(work_ / name) << content;
  }
  StoredManifest Put() {
    auto stored = PutFolder(work_, store_.get());
    EXPECT_TRUE(stored.ok()) << stored.status();
    return *std::move(stored);
  }

  TempFolder folder_ = *TempFolder::Make();
  fs::path work_ = folder_.path() / "work";
  fs::path out_ = folder_.path() / "out";
  std::unique_ptr<ArtifactStore> store_ = *OpenStore((folder_.path() / "store").string());
};

TEST_F(ManifestTest, FoldersGoInAndOut) {
  Write("b.json", "b");
  Write("best/adapter/a.bin", "a");
  const StoredManifest stored = Put();
  ASSERT_EQ(stored.manifest.artifacts_size(), 2);
  EXPECT_EQ(stored.manifest.artifacts(1).name(), "best/adapter/a.bin");
  const auto read = GetManifest(stored.sha256, store_.get());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), stored.manifest.SerializeAsString());
  ASSERT_TRUE(Materialise(*read, "best", out_, Placement::kLink, store_.get()).ok());
  EXPECT_EQ(*ReadFile(out_ / "best/adapter/a.bin"), "a");
  EXPECT_FALSE(fs::exists(out_ / "b.json"));
  const absl::Status missing = Materialise(*read, "bes", out_, Placement::kLink, store_.get());
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("b.json, best/adapter/a.bin"));
}

TEST_F(ManifestTest, EqualOutputsHaveEqualManifests) {
  Write("z", "1");
  Write("a/b", "2");
  const std::string first = Put().sha256;
  fs::remove_all(work_);
  Write("a/b", "2");
  Write("z", "1");
  EXPECT_EQ(Put().sha256, first);
}

TEST_F(ManifestTest, NamesCannotLeaveTheFolder) {
  const std::string sha = std::string(64, 'a');
  for (const char* name : {"../x", "/etc/x", "a/../../x", "", "a//b", "."}) {
    const std::string json = std::string("{\"artifacts\":[{\"name\":\"") + name +
                             "\",\"sha256\":\"" + sha + "\",\"size_bytes\":1}]}";
    EXPECT_FALSE(ManifestFromJson(json).ok()) << name;
  }
  EXPECT_FALSE(ManifestFromJson("[]").ok());
  EXPECT_FALSE(ManifestFromJson("{\"artifacts\":[{\"name\":\"a\",\"sha256\":\"x\"}]}").ok());
}

TEST_F(ManifestTest, OddFilesAreRefused) {
  Write("a", "1");
  fs::create_symlink("/no/such/file", work_ / "dangling");
  EXPECT_EQ(PutFolder(work_, store_.get()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ManifestTest, ExportReplacesWholesAndLeavesTheRest) {
  Write("merged/model.bin", "m1");
  Write("report.html", "r1");
  const StoredManifest first = Put();
  fs::create_directories(out_);
  std::ofstream(out_ / "mine.txt") << "mine";
  ASSERT_TRUE(ExportEntries(first.manifest, out_, store_.get()).ok());
  EXPECT_EQ(*ReadFile(out_ / "merged/model.bin"), "m1");

  const auto written = [this] { return fs::last_write_time(out_ / "merged/model.bin"); };
  const auto before = written();
  ASSERT_TRUE(ExportEntries(first.manifest, out_, store_.get()).ok());
  EXPECT_EQ(written(), before) << "the same content is left alone";

  fs::remove_all(work_);
  Write("merged/other.bin", "m2");
  ASSERT_TRUE(ExportEntries(Put().manifest, out_, store_.get()).ok());
  EXPECT_FALSE(fs::exists(out_ / "merged/model.bin"));
  EXPECT_EQ(*ReadFile(out_ / "merged/other.bin"), "m2");
  EXPECT_EQ(*ReadFile(out_ / "report.html"), "r1");
  EXPECT_EQ(*ReadFile(out_ / "mine.txt"), "mine");
  for (const auto& entry : fs::directory_iterator(out_)) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::Not(HasSubstr(".foundry-export")));
    EXPECT_THAT(entry.path().filename().string(), ::testing::Not(HasSubstr(".old-")));
  }
}

TEST_F(ManifestTest, ExportClearsWhatKilledOnesLeft) {
  Write("report.html", "r1");
  const fs::path old = out_ / ".foundry-export-old", young = out_ / ".foundry-export-young";
  fs::create_directories(old / "merged");
  fs::create_directories(young);
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(2));
  ASSERT_TRUE(ExportEntries(Put().manifest, out_, store_.get()).ok());
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young));
}

TEST_F(ManifestTest, ExportRenamesOneEntry) {
  Write("best_checkpoint/a", "1");
  const StoredManifest stored = Put();
  ASSERT_TRUE(Export(stored.manifest, "best_checkpoint", out_ / "student", store_.get()).ok());
  EXPECT_EQ(*ReadFile(out_ / "student/a"), "1");
  EXPECT_EQ(Export(stored.manifest, "gone", out_ / "x", store_.get()).code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(out_ / "x"));
}

}  // namespace
}  // namespace foundry::storage
