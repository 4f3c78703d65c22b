// foundry extract as its users run it: what is on stdout, what on stderr, and the exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/subprocess.h"
#include "services/extraction/testing/shared_data.h"
#include "services/extraction/testing/tiny_pdf.h"

namespace foundry::cli {
namespace {

namespace fs = std::filesystem;
using extraction::TinyLines;
using extraction::TinyPdf;
using ::testing::HasSubstr;

class ExtractCommandTest : public ::testing::Test {
 protected:
  ExtractCommandTest() : folder_(*TempFolder::Make()) {
    for (int i = 0; i < 5; ++i) {
      Write(absl::StrCat("docs/", i, ".pdf"),
            TinyPdf({TinyLines({absl::StrCat("Words of file ", i, ".")}, 72, 700)}));
    }
    Write("docs/notes.txt", "left alone");
  }
  void Write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteFileAtomic(folder_.path() / name, content).ok());
  }
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

  SubprocessResult Run(std::vector<std::string> arguments) {
    SubprocessOptions options;
    const auto program = FindProgram("foundry");
    EXPECT_TRUE(program.ok()) << program.status();
    options.argv = {program.value_or(""), "extract", "--ocr", "never"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    const auto result = RunSubprocess(options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : SubprocessResult();
  }
  static std::vector<Json> Records(const SubprocessResult& result) {
    std::vector<Json> out;
    for (const auto line : absl::StrSplit(result.output, '\n', absl::SkipEmpty()))
      out.push_back(Json::parse(line));
    return out;
  }

  TempFolder folder_;
};

TEST_F(ExtractCommandTest, RecordsInInputOrderWhateverTheJobs) {
  const SubprocessResult one = Run({Path("docs"), "--jobs", "1"});
  EXPECT_EQ(one.exit_code, 0) << one.errors;
  const std::vector<Json> records = Records(one);
  ASSERT_EQ(records.size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(records[i]["text"], absl::StrCat("Words of file ", i, "."));
  EXPECT_EQ(Run({Path("docs"), "--jobs", "8"}).output, one.output);
  EXPECT_THAT(one.errors, HasSubstr("total: documents 5"));
  EXPECT_THAT(one.errors, HasSubstr("other_files_left_alone 1"));
}

TEST_F(ExtractCommandTest, ExitCodesTellWhatWasLost) {
  Write("docs/broken.pdf", "no PDF");
  const SubprocessResult partial = Run({Path("docs")});
  EXPECT_EQ(partial.exit_code, 3);
  EXPECT_THAT(partial.errors, HasSubstr("broken.pdf: malformed"));
  EXPECT_EQ(Records(partial).size(), 5u);
  EXPECT_EQ(Run({Path("docs/broken.pdf")}).exit_code, 1);
  EXPECT_EQ(Run({Path("docs/notes.txt")}).exit_code, 1);
  EXPECT_EQ(Run({Path("nothing")}).exit_code, 4);
  EXPECT_EQ(Run({Path("docs"), "--ocr", "perhaps"}).exit_code, 2);
  EXPECT_EQ(Run({}).exit_code, 2);
}

TEST_F(ExtractCommandTest, CopiesAreRemovedAndCounted) {
  Write("docs/copy.pdf", *ReadFile(Path("docs/1.pdf")));
  const SubprocessResult result = Run({Path("docs"), "--outcomes", Path("outcomes.jsonl")});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(Records(result).size(), 5u);
  EXPECT_THAT(result.errors, HasSubstr("duplicates_exact 1"));
  EXPECT_THAT(*ReadFile(Path("outcomes.jsonl")), HasSubstr("copy.pdf"));
  EXPECT_EQ(Records(Run({Path("docs"), "--deduplicate", "none"})).size(), 6u);
}

TEST_F(ExtractCommandTest, DetectsKindsByContent) {
  Write("mixed/a.jsonl", "{\"text\": \"A row of text.\"}\n");
  Write("mixed/b.json", R"([{"url": "http://x/1", "text": "An extract."}])");
  Write("mixed/c.json",
        R"({"dataType": "CVE_RECORD", "cveMetadata": {"cveId": "CVE-2099-1", "state": "PUBLISHED"},
      "containers": {"cna": {"descriptions": [{"lang": "en", "value": "It breaks."}]}}})");
  Write("mixed/d", TinyPdf({TinyLines({"A PDF without an ending."}, 72, 700)}));
  std::vector<std::string> kinds;
  for (const Json& record : Records(Run({Path("mixed")})))
    kinds.push_back(record["metadata"]["kind"]);
  EXPECT_THAT(kinds, ::testing::ElementsAre("dataset", "json", "cve", "pdf"));
}

TEST_F(ExtractCommandTest, EnrichesWhenAsked) {
  Write("in.jsonl", "{\"text\": \"Ada Lovelace lived in London. She wrote programs.\"}\n");
  const std::vector<Json> records = Records(Run({Path("in.jsonl"), "--enrich"}));
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0]["entities"].size(), 2u);
  EXPECT_FALSE(records[0]["summary"].get<std::string>().empty());
}

TEST_F(ExtractCommandTest, PasswordsMayBeSeveral) {
  const fs::path folder = extraction::SharedData("pdf/encrypted");
  if (!fs::exists(folder)) GTEST_SKIP() << "no shared data at " << folder;
  EXPECT_EQ(Records(Run({folder.string(), "--password", "geheim", "--password", "user"})).size(),
            3u);
  EXPECT_EQ(Run({folder.string()}).exit_code, 3);
}

}  // namespace
}  // namespace foundry::cli
