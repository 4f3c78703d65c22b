#include "services/extraction/sources/read_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "services/extraction/sources/list_files.h"
#include "services/extraction/testing/shared_data.h"
#include "services/extraction/testing/tiny_pdf.h"

namespace foundry::extraction {
namespace {

namespace fs = std::filesystem;

class ReadFileTest : public ::testing::Test {
 protected:
  ReadFileTest() : folder_(*TempFolder::Make()) { options_.ocr = "never"; }

  FileResult Read(const fs::path& path) {
    const std::optional<SourceKind> kind = DetectKind(path);
    EXPECT_TRUE(kind.has_value()) << path;
    const auto result = ReadInputFile(
        {0, kind.value_or(SourceKind::kJson), path, path.filename().string()}, options_);
    EXPECT_TRUE(result.ok()) << path << ": " << result.status();
    return result.ok() ? *result : FileResult();
  }
  FileResult ReadText(const std::string& name, const std::string& content) {
    EXPECT_TRUE(WriteFileAtomic(folder_.path() / name, content).ok());
    return Read(folder_.path() / name);
  }

  TempFolder folder_;
  ReadOptions options_;
};

TEST_F(ReadFileTest, JsonLinesWithLineNumbersOfBadRows) {
  const FileResult r = ReadText(
      "a.jsonl",
      "\xEF\xBB\xBF{\"text\": \"one\"}\r\n\n{bad\n{\"text\": \"\xFF\"}\n{\"text\": \"two\"}");
  ASSERT_EQ(r.documents.size(), 2u);
  EXPECT_EQ(r.documents[1].text, "two");
  EXPECT_EQ(r.documents[1].metadata["row"], 5);
  ASSERT_EQ(r.outcomes.size(), 3u);
  EXPECT_EQ(r.outcomes[0].status, "ok");
  EXPECT_EQ(r.outcomes[0].documents, 2);
  EXPECT_TRUE(absl::EndsWith(r.outcomes[1].source, "a.jsonl#3"));
  EXPECT_EQ(r.outcomes[1].reason, "malformed");
  EXPECT_EQ(r.outcomes[2].reason, "invalid_utf8");
}

// Files are read by threads, where an exception would end the whole process.
TEST_F(ReadFileTest, WhatLibrariesThrowCostsTheFileAlone) {
  options_.wanted = [](const std::string&) -> bool { throw std::bad_alloc(); };
  FileResult r = ReadText("a.jsonl", "{\"text\": \"one\"}\n");
  ASSERT_EQ(r.outcomes.size(), 1u);
  EXPECT_EQ(r.outcomes[0].status, "failed");
  EXPECT_EQ(r.outcomes[0].reason, "memory");
  options_.wanted = [](const std::string&) -> bool { throw std::runtime_error("odd"); };
  r = ReadText("a.jsonl", "{\"text\": \"one\"}\n");
  EXPECT_EQ(r.outcomes[0].reason, "crash");
  EXPECT_TRUE(absl::EndsWith(r.outcomes[0].message, "odd"));
}

TEST_F(ReadFileTest, DamagedGzipKeepsWhatCameBefore) {
  const fs::path path = folder_.path() / "a.jsonl.gz";
  gzFile out = gzopen(path.c_str(), "wb");
  uint32_t noise = 1;
  for (int i = 0; i < 20000; ++i) {
    noise = noise * 1664525u + 1013904223u;
    const std::string row = absl::StrCat("{\"text\": \"row ", i, " ", noise, "\"}\n");
    gzwrite(out, row.data(), row.size());
  }
  gzclose(out);
  fs::resize_file(path, fs::file_size(path) / 2);
  const FileResult r = Read(path);
  EXPECT_GT(r.documents.size(), 100u);
  EXPECT_EQ(r.outcomes[0].status, "failed");
  EXPECT_TRUE(absl::StrContains(r.outcomes[0].message, "damaged after line"))
      << r.outcomes[0].message;
}

TEST_F(ReadFileTest, JsonExtractsAndTheGuidesShape) {
  const FileResult r = ReadText("e.json", R"([{"url": "http://x/1", "text": "One page."},
      {"url": "http://x/2", "text": "Two.", "content": "Two.", "summary": "s", "entities": [], "keywords": [], "metadata": {"author": "A"}}, 5])");
  ASSERT_EQ(r.documents.size(), 2u);
  EXPECT_EQ(r.documents[0].url, "http://x/1");
  EXPECT_EQ(r.documents[1].metadata["author"], "A");
  EXPECT_EQ(r.outcomes[1].reason, "not_an_object");
  EXPECT_EQ(ReadText("f.json", R"({"documents": [{"text": "inside"}]})").documents.size(), 1u);
}

TEST_F(ReadFileTest, PdfWithItsPagesCounted) {
  const FileResult r = ReadText("p.pdf", TinyPdf({TinyLines({"Words on a page."}, 72, 700), {}}));
  ASSERT_EQ(r.documents.size(), 1u);
  EXPECT_EQ(r.outcomes[0].pages, 2);
  EXPECT_EQ(r.documents[0].id, DocumentId("p.pdf", 0));
}

TEST_F(ReadFileTest, APdfThatStopsInTheMiddleIsADocumentAndAFailureByName) {
  options_.memory_mib = 400;
  const FileResult r =
      ReadText("p.pdf", TinyPdf({TinyLines({"Words on a page."}, 72, 700), {TinyBomb("boom")}}));
  ASSERT_EQ(r.documents.size(), 1u);
  EXPECT_EQ(r.documents[0].text, "Words on a page.");
  ASSERT_EQ(r.outcomes.size(), 1u);
  EXPECT_EQ(r.outcomes[0].status, "failed");
  EXPECT_EQ(r.outcomes[0].reason, "memory");
  EXPECT_EQ(r.outcomes[0].pages, 1);
  EXPECT_EQ(r.outcomes[0].documents, 1);
  EXPECT_TRUE(absl::StartsWith(r.outcomes[0].message, "stopped after page 1 of 2: "));
  EXPECT_TRUE(absl::EndsWith(r.outcomes[0].message, "; the text before that is kept"));
}

TEST_F(ReadFileTest, CveDatesFilter) {
  constexpr char kRecord[] =
      R"({"cveMetadata": {"cveId": "CVE-2020-1", "state": "PUBLISHED", "datePublished": "2020-03-01"},
      "containers": {"cna": {"descriptions": [{"lang": "en", "value": "It breaks."}]}}})";
  EXPECT_EQ(ReadText("c.json", kRecord).documents.size(), 1u);
  options_.source.published_after = "2021-01-01";
  const FileResult r = ReadText("c.json", kRecord);
  EXPECT_TRUE(r.documents.empty());
  ASSERT_EQ(r.outcomes.size(), 1u);
  EXPECT_EQ(r.outcomes[0].status, "filtered");
  EXPECT_EQ(r.outcomes[0].reason, "published_before");
}

TEST_F(ReadFileTest, ShardsTakeEachRowOnce) {
  std::string rows;
  for (int i = 0; i < 50; ++i) absl::StrAppend(&rows, "{\"text\": \"row number ", i, "\"}\n");
  size_t seen = 0;
  for (size_t shard = 0; shard < 3; ++shard) {
    options_.wanted = [shard](const std::string& name) {
      return std::hash<std::string>()(name) % 3 == shard;
    };
    seen += ReadText("a.jsonl", rows).documents.size();
  }
  EXPECT_EQ(seen, 50u);
}

TEST_F(ReadFileTest, StopsWhenEnoughIsRead) {
  options_.most_documents = 1;
  EXPECT_EQ(ReadText("a.jsonl", "{\"text\": \"one\"}\n{\"text\": \"two\"}\n").documents.size(), 1u);
}

// ---- with the shared files, where they are

TEST_F(ReadFileTest, EdgeCasesOfJsonLines) {
  const fs::path folder = SharedData("code/jsonl-edge");
  if (!fs::exists(folder)) GTEST_SKIP() << "no shared data at " << folder;
  const std::pair<const char*, size_t> documents[] = {{"bad-utf8.jsonl", 1},
                                                      {"big-int.jsonl", 0},
                                                      {"blank-lines.jsonl", 2},
                                                      {"bom.jsonl", 1},
                                                      {"deep-nest-100k.jsonl", 0},
                                                      {"empty.jsonl", 0},
                                                      {"good.jsonl", 2},
                                                      {"mixed-types.jsonl", 2},
                                                      {"no-final-newline.jsonl", 2},
                                                      {"pair-surrogate.jsonl", 1},
                                                      {"long-line-8MB.jsonl.gz", 1}};
  for (const auto& [name, count] : documents) {
    const FileResult r = Read(folder / name);
    EXPECT_EQ(r.documents.size(), count) << name;
    if (count == 0) {
      EXPECT_FALSE(r.outcomes.back().reason.empty()) << name;
    }
  }
  EXPECT_TRUE(absl::StrContains(Read(folder / "pair-surrogate.jsonl").documents.at(0).text,
                                "\xF0\x9F\x98\x80"));
}

TEST_F(ReadFileTest, ParquetRowsAreThoseOfTheJsonLines) {
  const fs::path folder = SharedData("code");
  if (!fs::exists(folder / "humaneval.jsonl")) GTEST_SKIP() << "no shared data at " << folder;
  const FileResult lines = Read(folder / "humaneval.jsonl");
  for (const char* codec : {"none", "snappy", "gzip", "brotli", "lz4", "zstd"}) {
    const FileResult rows = Read(folder / absl::StrCat("humaneval.", codec, ".parquet"));
    ASSERT_EQ(rows.documents.size(), lines.documents.size())
        << codec << ": " << rows.outcomes[0].message;
    EXPECT_EQ(rows.documents[3].text, lines.documents[3].text) << codec;
  }
}

TEST_F(ReadFileTest, EveryParquetFileEndsWithRowsOrAReason) {
  const fs::path folder = SharedData("code/parquet-testing");
  if (!fs::exists(folder)) GTEST_SKIP() << "no shared data at " << folder;
  int bad = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!IsParquetFile(entry.path())) continue;
    const FileResult r = Read(entry.path());
    ASSERT_FALSE(r.outcomes.empty());
    const bool listed_bad = entry.path().parent_path().filename() == "bad_data";
    if (r.outcomes[0].status != "ok") {
      EXPECT_FALSE(r.outcomes[0].message.empty());
      bad += listed_bad;
    }
  }
  EXPECT_GE(bad, 3);
}

TEST_F(ReadFileTest, AllCveRecords) {
  const fs::path folder = SharedData("cve");
  if (!fs::exists(folder)) GTEST_SKIP() << "no shared data at " << folder;
  size_t files = 0, documents = 0, rejected = 0;
  for (const auto& entry : fs::directory_iterator(folder / "cve5")) {
    const FileResult r = Read(entry.path());
    ++files;
    documents += r.documents.size();
    rejected += r.outcomes[0].reason == "rejected";
    EXPECT_EQ(r.outcomes.size(), 1u) << entry.path();
  }
  EXPECT_EQ(files, documents + rejected);
  EXPECT_EQ(Read(folder / "nvd2/nvd-api2-sample.json").documents.size(), 3u);
}

}  // namespace
}  // namespace foundry::extraction
