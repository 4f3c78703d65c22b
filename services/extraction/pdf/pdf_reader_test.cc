#include "services/extraction/pdf/pdf_reader.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "services/extraction/pdf/pdf_document.h"
#include "services/extraction/testing/shared_data.h"
#include "services/extraction/testing/tiny_pdf.h"

namespace foundry::extraction {
namespace {

namespace fs = std::filesystem;

class PdfReaderTest : public ::testing::Test {
 protected:
  PdfReaderTest() : folder_(*TempFolder::Make()) { options_.ocr = "never"; }

  fs::path Write(const std::string& name, const std::string& content) {
    EXPECT_TRUE(WriteFileAtomic(folder_.path() / name, content).ok());
    return folder_.path() / name;
  }
  PdfResult Read(const fs::path& path) {
    absl::StatusOr<PdfResult> result = ReadPdf(path, options_);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : PdfResult();
  }

  TempFolder folder_;
  PdfOptions options_;
};

TEST_F(PdfReaderTest, ReadsTextAndMetadata) {
  std::vector<TinyText> page =
      TinyLines({"Some words of the first line", "and of the second one."}, 72, 700);
  page.push_back({72, 740, 20, "A Heading", true});
  const PdfResult result = Read(Write("a.pdf", TinyPdf({page}, "My title")));
  ASSERT_TRUE(result.ok()) << result.refusal.message;
  EXPECT_EQ(result.content.title, "My title");
  EXPECT_EQ(result.content.author, "A. Writer");
  EXPECT_EQ(result.content.created, "2024-01-02T03:04:05Z");
  const PdfDocument made = MakePdfDocument(result.content, "a");
  EXPECT_EQ(made.document.text, "A Heading\n\nSome words of the first line and of the second one.");
  ASSERT_EQ(made.document.sections.size(), 1u);
  EXPECT_EQ(made.document.sections[0].heading, "A Heading");
}

TEST_F(PdfReaderTest, TwoColumnsAreNotMixed) {
  std::vector<TinyText> page, right;
  std::vector<std::string> left_lines, right_lines;
  for (int i = 0; i < 8; ++i) {
    left_lines.push_back(absl::StrCat("left words in row ", i, " of the first column"));
    right_lines.push_back(absl::StrCat("right words in row ", i, " of the second one"));
  }
  page = TinyLines(left_lines, 60, 700, 10);
  right = TinyLines(right_lines, 330, 700, 10);
  page.insert(page.end(), right.begin(), right.end());
  const std::string text =
      MakePdfDocument(Read(Write("c.pdf", TinyPdf({page}))).content, "c").document.text;
  EXPECT_LT(text.find("left words in row 7"), text.find("right words in row 0"));
}

TEST_F(PdfReaderTest, NamesWhatIsWrong) {
  EXPECT_EQ(Read(Write("empty.pdf", "")).refusal.reason, "malformed");
  EXPECT_EQ(Read(Write("text.pdf", "this is no PDF at all")).refusal.reason, "malformed");
  EXPECT_EQ(Read(folder_.path() / "missing.pdf").refusal.reason, "malformed");
}

TEST_F(PdfReaderTest, TimeAndMemoryAreLimited) {
  const fs::path file = Write("a.pdf", TinyPdf({TinyLines({"words"}, 72, 700)}));
  options_.timeout = absl::Microseconds(1);
  EXPECT_EQ(Read(file).refusal.reason, "timeout");
  options_.timeout = absl::Seconds(60);
  options_.memory_mib = 1;
  EXPECT_FALSE(Read(file).ok());
}

// Two good pages, then one that takes all time (no word) or all memory (a word), then a good one.
std::string FourPages(const std::string& word) {
  return TinyPdf({TinyLines({"The first page."}, 72, 700),
                  TinyLines({"The second page."}, 72, 700),
                  {TinyBomb(word)},
                  TinyLines({"The last page."}, 72, 700)});
}

TEST_F(PdfReaderTest, PagesBeforeTheTimeLimitAreKept) {
  const fs::path file = Write("slow.pdf", FourPages(""));
  PdfResult result;
  // A machine with other work may not come to the first pages at once.
  for (options_.timeout = absl::Seconds(2);
       result.content.pages.size() < 2 && options_.timeout < absl::Seconds(100);
       options_.timeout *= 3) {
    result = Read(file);
  }
  EXPECT_FALSE(result.ok());
  EXPECT_TRUE(result.partial());
  EXPECT_EQ(result.refusal.status, "failed");
  EXPECT_EQ(result.refusal.reason, "timeout");
  EXPECT_TRUE(absl::StartsWith(result.refusal.message, "stopped after page 2 of 4: time limit"))
      << result.refusal.message;
  const PdfDocument made = MakePdfDocument(result.content, "x");
  EXPECT_EQ(made.pages, 2);
  EXPECT_EQ(made.document.metadata["pages"], 4);
  EXPECT_EQ(made.document.metadata["pages_read"], 2);
  EXPECT_EQ(made.document.text, "The first page.\n\nThe second page.");
}

TEST_F(PdfReaderTest, PagesBeforeTheMemoryLimitAreKept) {
  options_.memory_mib = 400;
  const PdfResult result = Read(Write("big.pdf", FourPages("boom")));
  EXPECT_EQ(result.refusal.reason, "memory") << result.refusal.message;
  EXPECT_EQ(result.content.pages.size(), 2u);
  EXPECT_TRUE(absl::StartsWith(result.refusal.message, "stopped after page 2 of 4: "));
  EXPECT_TRUE(absl::StrContains(result.refusal.message, "raise extraction.memory_limit"));
}

class FakeHelperTest : public PdfReaderTest {
 protected:
  // A helper that writes `records` and then runs `end`.
  PdfResult ReadBy(const std::string& records, const std::string& end) {
    const fs::path helper = folder_.path() / "helper.sh";
    const std::string script =
        absl::StrCat("cat '", Write("records", records).string(), "'\n", end);
    Write("helper.sh", absl::StrCat("#!/bin/sh\n", script, "\n"));
    fs::permissions(helper, fs::perms::owner_all);
    options_.helper = helper.string();
    return Read(Write("a.pdf", ""));
  }
  static constexpr char kTwoPages[] = R"({"document": {"pages": 3, "outline": []}}
{"page": 1, "width": 9, "height": 9, "lines": []}
{"page": 2, "width": 9, "height": 9, "lines": []}
)";
};

TEST_F(FakeHelperTest, PagesBeforeACrashAreKept) {
  const PdfResult result = ReadBy(absl::StrCat(kTwoPages, "{\"page\": 3, \"wid"), "kill -SEGV $$");
  EXPECT_EQ(result.refusal.reason, "crash");
  EXPECT_EQ(result.content.pages.size(), 2u);
  EXPECT_TRUE(absl::StartsWith(result.refusal.message, "stopped after page 2 of 3: the PDF parser"))
      << result.refusal.message;
}

TEST_F(FakeHelperTest, AnEndWithoutThePagesIsNoSuccess) {
  const PdfResult result = ReadBy(kTwoPages, "exit 0");
  EXPECT_TRUE(result.partial());
  EXPECT_EQ(result.refusal.status, "failed");
}

TEST_F(FakeHelperTest, NothingIsBelievedOfAHelperThatWritesNonsense) {
  const PdfResult result =
      ReadBy(absl::StrCat(kTwoPages, "{\"page\": 7, \"width\": 9, \"height\": 9, \"lines\": []}\n"),
             "exit 0");
  EXPECT_EQ(result.refusal.reason, "malformed");
  EXPECT_FALSE(result.partial());
}

TEST_F(PdfReaderTest, AMissingHelperIsAnErrorOfTheWholeRun) {
  options_.helper = "/nowhere/foundry-pdf";
  EXPECT_FALSE(ReadPdf(Write("a.pdf", TinyPdf({{}})), options_).ok());
}

TEST_F(PdfReaderTest, PagesWithoutTextAreScannedUnlessBlank) {
  std::string boxes = TinyPdf({{}});
  const PdfResult blank = Read(Write("blank.pdf", boxes));
  ASSERT_EQ(blank.content.pages.size(), 1u);
  EXPECT_TRUE(blank.content.pages[0].blank);
  EXPECT_FALSE(blank.content.pages[0].scanned());
}

// ---- with the shared files, where they are

TEST_F(PdfReaderTest, EveryMalformedFileEndsWithTextOrAReason) {
  const fs::path folder = SharedData("pdf/malformed");
  if (!fs::exists(folder)) GTEST_SKIP() << "no shared data at " << folder;
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".pdf") continue;
    ++files;
    const PdfResult result = Read(entry.path());
    if (result.ok()) {
      EXPECT_FALSE(result.content.pages.empty()) << entry.path();
    } else {
      EXPECT_FALSE(result.refusal.message.empty()) << entry.path();
    }
  }
  EXPECT_GT(files, 30);
  EXPECT_TRUE(absl::StrContains(
      Read(folder / "own/incremental-override.pdf").content.pages.at(0).lines.at(0).text,
      "Second version"));
  EXPECT_EQ(Read(folder / "own/truncated-60pct.pdf").refusal.reason, "malformed");
}

TEST_F(PdfReaderTest, PasswordsOpenEncryptedFiles) {
  const fs::path folder = SharedData("pdf/encrypted");
  if (!fs::exists(folder)) GTEST_SKIP() << "no shared data at " << folder;
  EXPECT_EQ(Read(folder / "aes128-user.pdf").refusal.reason, "encrypted");
  EXPECT_TRUE(Read(folder / "aes256-owner-only.pdf").ok());
  options_.password = "geheim";
  EXPECT_TRUE(Read(folder / "aes128-user.pdf").ok());
  EXPECT_EQ(Read(folder / "rc4-40-user.pdf").refusal.reason, "wrong_password");
}

TEST_F(PdfReaderTest, RecognisesScannedPages) {
  const fs::path file = SharedData("pdf/scanned/scan-policy-150dpi-jpeg.pdf");
  if (!fs::exists(file)) GTEST_SKIP() << "no shared data at " << file;
  EXPECT_EQ(MakePdfDocument(Read(file).content, "x").scanned_pages, 3);
  options_.ocr = "auto";
  const PdfResult result = Read(file);
  if (!result.content.ocr_unavailable.empty()) GTEST_SKIP() << result.content.ocr_unavailable;
  const PdfDocument made = MakePdfDocument(result.content, "x");
  EXPECT_EQ(made.scanned_pages, 0);
  EXPECT_EQ(made.recognised_pages, 3);
  EXPECT_TRUE(
      absl::StrContains(made.document.text, "policy requirements for the Debian distribution"));
}

}  // namespace
}  // namespace foundry::extraction
