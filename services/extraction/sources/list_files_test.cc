#include "services/extraction/sources/list_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/files.h"

namespace foundry::extraction {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class ListFilesTest : public ::testing::Test {
 protected:
  ListFilesTest() : folder_(*TempFolder::Make()) {
    for (const char* name : {"b.pdf", "a.PDF", "sub/c.pdf", "sub/train.jsonl", "sub/test.jsonl.gz",
                             "x.json", ".git/d.pdf"}) {
      EXPECT_TRUE(WriteFileAtomic(folder_.path() / name, "x").ok());
    }
  }
  std::vector<std::string> Names(SourceKind kind, const std::string& path,
                                 const std::string& split = "") {
    Source source;
    source.kind = kind, source.path = path, source.split = split;
    const auto files = ListSource(source, 0);
    EXPECT_TRUE(files.ok()) << files.status();
    std::vector<std::string> out;
    if (files.ok()) {
      for (const InputFile& file : *files) out.push_back(file.name);
    }
    return out;
  }
  TempFolder folder_;
};

TEST_F(ListFilesTest, SortedRecursiveByKind) {
  EXPECT_THAT(Names(SourceKind::kPdf, folder_.path()), ElementsAre("a.PDF", "b.pdf", "sub/c.pdf"));
  EXPECT_THAT(Names(SourceKind::kDataset, folder_.path()),
              ElementsAre("sub/test.jsonl.gz", "sub/train.jsonl"));
  EXPECT_THAT(Names(SourceKind::kDataset, folder_.path(), "train"), ElementsAre("sub/train.jsonl"));
  EXPECT_THAT(Names(SourceKind::kPdf, folder_.path() / "b.pdf"), ElementsAre("b.pdf"));
}

TEST_F(ListFilesTest, LinkLoopsEnd) {
  fs::create_directory_symlink(folder_.path(), folder_.path() / "sub/loop");
  fs::create_symlink("nowhere", folder_.path() / "dangling.pdf");
  EXPECT_THAT(Names(SourceKind::kPdf, folder_.path()), ElementsAre("a.PDF", "b.pdf", "sub/c.pdf"));
}

TEST_F(ListFilesTest, Patterns) {
  EXPECT_THAT(Names(SourceKind::kJson, folder_.path() / "*.json"), ElementsAre("x.json"));
  EXPECT_THAT(Names(SourceKind::kJson, folder_.path() / "s?b/train*"),
              ElementsAre("sub/train.jsonl"));
}

TEST_F(ListFilesTest, BracketsInNamesOfFolders) {
  ASSERT_TRUE(WriteFileAtomic(folder_.path() / "from [2023]/y.json", "[]").ok());
  for (const char* path : {"from [2023]", "from [2023]/y.json", "from [2023]/*.json"}) {
    EXPECT_THAT(Names(SourceKind::kJson, folder_.path() / path), ElementsAre("y.json")) << path;
  }
}

TEST_F(ListFilesTest, SaysWhatIsMissing) {
  Source source;
  source.path = folder_.path() / "nothing";
  EXPECT_EQ(ListSource(source, 0).status().code(), absl::StatusCode::kNotFound);
  source.path = folder_.path();
  source.kind = SourceKind::kDataset;
  source.split = "validation";
  EXPECT_EQ(ListSource(source, 0).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ListFilesTest, KindsByContent) {
  ASSERT_TRUE(WriteFileAtomic(folder_.path() / "noext", "%PDF-1.4\n").ok());
  ASSERT_TRUE(WriteFileAtomic(folder_.path() / "cve.json", R"({"dataType":"CVE_RECORD"})").ok());
  EXPECT_EQ(DetectKind(folder_.path() / "noext"), SourceKind::kPdf);
  EXPECT_EQ(DetectKind(folder_.path() / "cve.json"), SourceKind::kCve);
  EXPECT_EQ(DetectKind(folder_.path() / "x.json"), SourceKind::kJson);
  ASSERT_TRUE(WriteFileAtomic(folder_.path() / "readme.txt", "hello").ok());
  EXPECT_EQ(DetectKind(folder_.path() / "readme.txt"), std::nullopt);
}

}  // namespace
}  // namespace foundry::extraction
