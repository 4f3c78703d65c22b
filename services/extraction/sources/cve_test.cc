#include "services/extraction/sources/cve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"

namespace foundry::extraction {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Invented records in the two shapes.
constexpr char kCve5[] = R"({
 "dataType": "CVE_RECORD", "dataVersion": "5.1",
 "cveMetadata": {"cveId": "CVE-2099-0001", "state": "PUBLISHED", "datePublished": "2099-01-02T03:04:05Z"},
 "containers": {
  "cna": {
   "title": "Overflow in Widget",
   "descriptions": [{"lang": "de", "value": "Ein Fehler."}, {"lang": "en", "value": "A buffer overflow in Widget lets  attackers in."}],
   "problemTypes": [{"descriptions": [{"cweId": "CWE-120", "description": "CWE-120 Classic Buffer Overflow", "lang": "en"}]}],
   "metrics": [{"cvssV2_0": {"version": "2.0", "baseScore": 5}},
               {"cvssV3_1": {"version": "3.1", "baseScore": 9.8, "baseSeverity": "CRITICAL", "vectorString": "CVSS:3.1/AV:N"}}],
   "affected": [{"vendor": "Acme", "product": "Widget", "versions": [{"version": "1.0", "status": "affected", "lessThan": "1.4"},
                {"version": "1.4", "status": "unaffected"}]}],
   "references": [{"url": "https://example.org/a"}]},
  "adp": [{"title": "Some programme", "references": [{"url": "https://example.org/b"}]}]}})";

constexpr char kNvd[] = R"({"format": "NVD_CVE", "version": "2.0", "vulnerabilities": [{"cve": {
 "id": "CVE-2099-0002", "published": "2099-05-06T00:00:00.000", "vulnStatus": "Analyzed",
 "descriptions": [{"lang": "en", "value": "Gadget shows files."}],
 "weaknesses": [{"description": [{"lang": "en", "value": "CWE-22"}, {"lang": "en", "value": "NVD-CWE-noinfo"}]}],
 "metrics": {"cvssMetricV2": [{"cvssData": {"version": "2.0", "baseScore": 7.5, "vectorString": "AV:N"}, "baseSeverity": "HIGH"}]},
 "configurations": [{"nodes": [{"cpeMatch": [{"vulnerable": true, "criteria": "cpe:2.3:a:acme:big_gadget:*:*:*:*:*:*:*:*", "versionEndExcluding": "2.0"}]}]}],
 "references": [{"url": "https://example.org/c"}]}}]})";

TEST(CveTest, ReadsCve5) {
  const auto records = ParseCve(Json::parse(kCve5));
  ASSERT_TRUE(records.ok()) << records.status();
  const CveFacts& f = records->at(0);
  EXPECT_EQ(f.id, "CVE-2099-0001");
  EXPECT_EQ(f.title, "Overflow in Widget");
  EXPECT_EQ(f.published, "2099-01-02");
  EXPECT_THAT(f.descriptions, ElementsAre("A buffer overflow in Widget lets attackers in."));
  EXPECT_THAT(f.weaknesses, ElementsAre("CWE-120 Classic Buffer Overflow"));
  EXPECT_EQ(f.scores[0].version, "3.1");
  ASSERT_EQ(f.affected.size(), 1u);
  EXPECT_THAT(f.affected[0].versions, ElementsAre("from 1.0 before 1.4"));
  EXPECT_THAT(f.references, ElementsAre("https://example.org/a", "https://example.org/b"));
}

TEST(CveTest, ReadsNvd) {
  const auto records = ParseCve(Json::parse(kNvd));
  ASSERT_TRUE(records.ok()) << records.status();
  const CveFacts& f = records->at(0);
  EXPECT_EQ(f.scores[0].severity, "HIGH");
  EXPECT_THAT(f.weaknesses, ElementsAre("CWE-22"));
  EXPECT_EQ(f.affected[0].product, "big gadget");
  EXPECT_THAT(f.affected[0].versions, ElementsAre("before 2.0"));
}

TEST(CveTest, WritesSentences) {
  const auto document = CveDocument(ParseCve(Json::parse(kCve5))->at(0));
  ASSERT_TRUE(document.ok());
  EXPECT_THAT(document->text,
              HasSubstr("CVE-2099-0001 affects Acme Widget (from 1.0 before 1.4)."));
  EXPECT_THAT(document->text,
              HasSubstr("base score of CVE-2099-0001 is 9.8 (critical), vector CVSS:3.1/AV:N."));
  EXPECT_EQ(document->sections[0].heading, "CVE-2099-0001: Overflow in Widget");
  EXPECT_FALSE(absl::StrContains(document->content, "Overflow in Widget\n"));
  EXPECT_EQ(document->metadata["cvss"][0]["score"], 9.8);
}

TEST(CveTest, RefusesOtherJson) {
  EXPECT_FALSE(ParseCve(Json::parse("{}")).ok());
  EXPECT_FALSE(ParseCve(Json::parse("[]")).ok());
  EXPECT_FALSE(ParseCve(Json::parse(R"({"vulnerabilities": [{"cve": {}}]})")).ok());
  EXPECT_TRUE(
      absl::StrContains(ParseCve(Json::parse(R"({"CVE_Items": []})")).status().message(), "older"));
}

}  // namespace
}  // namespace foundry::extraction
