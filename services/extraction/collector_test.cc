#include "services/extraction/collector.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace foundry::extraction {
namespace {

constexpr char kText[] =
    "A lighthouse is a tower that shows a light to ships at sea. The keepers of the tower lit the "
    "lamp at dusk "
    "and put it out at dawn, every day of the year, in storm and in calm, until a machine took "
    "their place.";

FileResult File(const std::string& name, std::vector<std::string> texts,
                const std::string& kind = "pdf") {
  FileResult result;
  dataset::Outcome own;
  own.source = name, own.status = "ok", own.documents = static_cast<int64_t>(texts.size());
  result.outcomes.push_back(own);
  for (size_t i = 0; i < texts.size(); ++i) {
    dataset::Document document;
    document.text = texts[i];
    document.metadata = {{"kind", kind}, {"file", name}};
    if (texts.size() > 1) document.metadata["row"] = i + 1;
    result.documents.push_back(document);
  }
  return result;
}

TEST(CollectorTest, RemovesAndCountsDuplicates) {
  Collector collector({});
  collector.Add(File("a.pdf", {kText}));
  collector.Add(File("b.pdf", {kText}));
  collector.Add(File("c.pdf", {absl::StrCat(kText, " The end.")}));
  EXPECT_EQ(collector.TakeDocuments().size(), 1u);
  const auto outcomes = collector.TakeOutcomes();
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes[1].status, "duplicate");
  EXPECT_EQ(outcomes[1].reason, "exact_duplicate");
  EXPECT_EQ(outcomes[1].documents, 0);
  EXPECT_EQ(outcomes[2].reason, "near_duplicate");
  EXPECT_EQ(collector.counts().at("duplicates_exact"), 1);
  EXPECT_EQ(collector.counts().at("duplicates_near"), 1);
}

TEST(CollectorTest, DeduplicateIsASetting) {
  for (const auto& [setting, kept] :
       std::map<std::string, size_t>{{"none", 3}, {"exact", 2}, {"near", 1}}) {
    CollectOptions options;
    options.deduplicate = setting;
    Collector collector(options);
    collector.Add(File("a.jsonl", {kText, kText, absl::StrCat(kText, " The end.")}));
    EXPECT_EQ(collector.TakeDocuments().size(), kept) << setting;
  }
}

TEST(CollectorTest, CveRecordsAreNeverNearDuplicates) {
  Collector collector({});
  collector.Add(File("a.json", {kText}, "cve"));
  collector.Add(File("b.json", {absl::StrCat(kText, " The end.")}, "cve"));
  EXPECT_EQ(collector.TakeDocuments().size(), 2u);
}

TEST(CollectorTest, QualityAndLimit) {
  CollectOptions options;
  options.most_documents = 1;
  Collector collector(options);
  collector.Add(File("bad.jsonl", {"\uFFFD\uFFFD \uFFFD", kText,
                                   "Another fine text about the keepers of towers."}));
  EXPECT_TRUE(collector.Full());
  EXPECT_EQ(collector.TakeDocuments().size(), 1u);
  EXPECT_EQ(collector.counts().at("low_quality"), 1);
  EXPECT_EQ(collector.counts().at("over_limit"), 1);
  EXPECT_FALSE(collector.Losses().empty());
}

}  // namespace
}  // namespace foundry::extraction
