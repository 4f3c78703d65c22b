#include "services/extraction/extraction_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/dataset/io.h"
#include "services/extraction/testing/shared_data.h"
#include "services/extraction/testing/tiny_pdf.h"

namespace foundry::extraction {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FakeContext : public worker::TaskContext {
 public:
  explicit FakeContext(fs::path output) : output_(std::move(output)) {
    EXPECT_TRUE(MakeFolders(output_).ok());
  }
  const CancelToken& cancel() const override { return cancel_; }
  absl::StatusOr<fs::path> Fetch(const worker::InputRef& input) override {
    return input.name.empty() ? fs::path(input.path) : fs::path(input.path) / input.name;
  }
  const fs::path& output() const override { return output_; }
  const fs::path& scratch() const override { return output_; }
  void Progress(const worker::TaskProgress&) override {}
  void Metric(const std::string&, int64_t, double) override {}
  void Message(const std::string&) override {}

 private:
  CancelToken cancel_;
  fs::path output_;
};

class ExtractionServiceTest : public ::testing::Test {
 protected:
  ExtractionServiceTest() : folder_(*TempFolder::Make()) {
    for (int i = 0; i < 4; ++i) {
      Write(absl::StrCat("docs/", i, ".pdf"),
            TinyPdf({TinyLines({absl::StrCat("Paper number ", i, " tells of the ", Topic(i), "."),
                                "Nobody had written about it before."},
                               72, 700)}));
    }
    Write("docs/copy-of-0.pdf", *ReadFile(folder_.path() / "docs/0.pdf"));
    Write("docs/broken.pdf", "no PDF");
    std::string rows = "{broken\n";
    for (int i = 0; i < 12; ++i)
      absl::StrAppend(&rows, "{\"text\": \"Row ", i, " of the set is about ", Topic(i),
                      " and its uses.\"}\n");
    Write("set/train.jsonl", rows);
  }

  static std::string Topic(int i) {
    static const char* const kTopics[] = {
        "harbours and ships", "clocks and towers", "rivers and mills", "bread and ovens",
        "glass and sand",     "wool and looms",    "bees and honey",   "ink and paper",
        "rails and steam",    "salt and trade",    "maps and stars",   "bells and bronze"};
    return kTopics[i % 12];
  }
  void Write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteFileAtomic(folder_.path() / name, content).ok());
  }
  v1::ExtractRequest Request() {
    v1::ExtractRequest request;
    request.add_sources()->set_pdf((folder_.path() / "docs").string());
    request.add_sources()->set_huggingface((folder_.path() / "set").string());
    request.mutable_settings()->set_ocr("never");
    request.set_batch_size(2);
    return request;
  }
  absl::StatusOr<worker::StageOutput> Run(const v1::ExtractRequest& request,
                                          const std::string& name) {
    worker::StageRequest wrapped;
    *wrapped.mutable_extract() = request;
    FakeContext context(folder_.path() / name);
    return MakeExtractionStage().handlers.at(worker::StageRequest::kExtract)(wrapped, context);
  }
  absl::StatusOr<worker::StageOutput> RunEnrich(const v1::EnrichRequest& request,
                                                const std::string& name, ModelAccess models = {}) {
    worker::StageRequest wrapped;
    *wrapped.mutable_enrich() = request;
    FakeContext context(folder_.path() / name);
    return MakeExtractionStage(std::move(models))
        .handlers.at(worker::StageRequest::kEnrich)(wrapped, context);
  }
  std::string Content(const std::string& name) { return *ReadFile(folder_.path() / name); }

  TempFolder folder_;
};

TEST_F(ExtractionServiceTest, ExtractsAndCounts) {
  const auto output = Run(Request(), "out");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->counts.at("documents"), 16);
  EXPECT_EQ(output->counts.at("files"), 7);
  EXPECT_EQ(output->counts.at("pages"), 5);
  EXPECT_EQ(output->counts.at("duplicates_exact"), 1);
  EXPECT_EQ(output->counts.at("refused"), 1);
  EXPECT_EQ(output->counts.at("refused_rows"), 1);
  EXPECT_THAT(output->warnings, ::testing::Contains(HasSubstr("broken.pdf")));
  const auto documents = dataset::ReadDocuments(folder_.path() / "out");
  ASSERT_TRUE(documents.ok());
  EXPECT_EQ(documents->size(), 16u);
  EXPECT_EQ(documents->front().metadata["file"], "0.pdf");
  EXPECT_EQ(documents->front().metadata["author"], "A. Writer");
  EXPECT_FALSE(documents->front().sentences.empty());
  EXPECT_THAT(Content("out/outcomes.jsonl"), HasSubstr("train.jsonl#1"));
}

TEST_F(ExtractionServiceTest, ShardsJoinToTheSameDocuments) {
  ASSERT_TRUE(Run(Request(), "whole").ok());
  v1::ExtractRequest join;
  for (int shard = 0; shard < 3; ++shard) {
    v1::ExtractRequest part = Request();
    part.mutable_shard()->set_index(shard);
    part.mutable_shard()->set_count(3);
    const std::string name = absl::StrCat("part", shard);
    ASSERT_TRUE(Run(part, name).ok());
    join.add_parts()->set_path((folder_.path() / name).string());
  }
  const auto output = Run(join, "joined");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(Content("joined/documents.jsonl"), Content("whole/documents.jsonl"));
  EXPECT_EQ(output->counts.at("documents"), 16);
  EXPECT_EQ(output->counts.at("files"), 7);
  EXPECT_EQ(output->counts.at("pages"), 5);
  EXPECT_EQ(output->counts.at("duplicates_exact"), 1);
  EXPECT_EQ(output->counts.at("refused"), 1);
}

TEST_F(ExtractionServiceTest, MaxSamplesAndQualityAreSettings) {
  v1::ExtractRequest request = Request();
  request.set_max_samples(3);
  EXPECT_EQ(Run(request, "few")->counts.at("documents"), 3);
  request = Request();
  request.mutable_settings()->set_deduplicate("none");
  EXPECT_EQ(Run(request, "all")->counts.at("documents"), 17);
}

TEST_F(ExtractionServiceTest, NoDocumentsIsAnErrorThatNamesTheFiles) {
  v1::ExtractRequest request;
  request.add_sources()->set_pdf((folder_.path() / "docs/broken.pdf").string());
  const absl::Status status = Run(request, "none").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("broken.pdf"));
  request.mutable_sources(0)->set_pdf("/nowhere");
  EXPECT_EQ(Run(request, "none").status().code(), absl::StatusCode::kNotFound);
  request.mutable_sources(0)->set_password("the password itself");
  EXPECT_FALSE(Run(request, "none").ok());
}

TEST_F(ExtractionServiceTest, EnrichesWithoutModels) {
  ASSERT_TRUE(Run(Request(), "out").ok());
  v1::EnrichRequest request;
  request.mutable_documents()->set_path((folder_.path() / "out").string());
  request.mutable_settings()->set_summary_sentences(1);
  request.mutable_settings()->set_keyword_count(2);
  const auto output = RunEnrich(request, "rich");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->counts.at("documents"), 16);
  const auto guide = ReadJsonFile(folder_.path() / "rich/enriched_data.json");
  ASSERT_TRUE(guide.ok());
  const Json& first = guide->at(0);
  EXPECT_EQ(first["keywords"].size(), 2u);
  EXPECT_THAT(first["summary"].get<std::string>(), ::testing::Not(::testing::IsEmpty()));
  EXPECT_EQ(first["metadata"]["language"], "en");
  for (const char* key : {"url", "text", "content", "summary", "entities", "keywords", "metadata"})
    EXPECT_TRUE(first.contains(key)) << key;
}

TEST_F(ExtractionServiceTest, EnrichesAHandedInFile) {
  Write(
      "in/enriched_data.json",
      R"([{"url": "http://x", "text": "Ada Lovelace lived in London. She wrote the first program."}])");
  v1::EnrichRequest request;
  request.mutable_documents()->set_path((folder_.path() / "in/enriched_data.json").string());
  const auto output = RunEnrich(request, "rich");
  ASSERT_TRUE(output.ok()) << output.status();
  const auto documents = dataset::ReadDocuments(folder_.path() / "rich");
  EXPECT_EQ(documents->at(0).sentences.size(), 2u);
  EXPECT_EQ(output->counts.at("entities_person"), 1);
  EXPECT_EQ(output->counts.at("entities_location"), 1);
}

TEST_F(ExtractionServiceTest, AMissingEmbedderIsAWarning) {
  ASSERT_TRUE(Run(Request(), "out").ok());
  v1::EnrichRequest request;
  request.mutable_documents()->set_path((folder_.path() / "out").string());
  request.mutable_embedder()->set_name("no-such-model");
  ModelAccess models;
  models.open_embedder = [](const std::string& name, int) -> absl::StatusOr<text::EmbedFunction> {
    return absl::NotFoundError(name);
  };
  const auto output = RunEnrich(request, "rich", models);
  ASSERT_TRUE(output.ok());
  EXPECT_THAT(output->warnings, ::testing::Contains(HasSubstr("no-such-model")));
  request.mutable_settings()->set_entity_model("some-model");
  EXPECT_FALSE(RunEnrich(request, "rich2").ok());
}

TEST_F(ExtractionServiceTest, CveFoldersByDate) {
  const fs::path folder = SharedData("cve/cve5");
  if (!fs::exists(folder)) GTEST_SKIP() << "no shared data at " << folder;
  v1::ExtractRequest request;
  request.add_sources()->set_cve(folder.string());
  const auto all = Run(request, "all");
  ASSERT_TRUE(all.ok()) << all.status();
  request.mutable_sources(0)->set_published_after("2024-01-01");
  const auto recent = Run(request, "recent");
  ASSERT_TRUE(recent.ok());
  EXPECT_EQ(all->counts.at("files"), 620);
  EXPECT_LT(recent->counts.at("documents"), all->counts.at("documents"));
  EXPECT_GT(recent->counts.at("filtered"), 0);
}

}  // namespace
}  // namespace foundry::extraction
