#include "services/extraction/sources/row_document.h"

#include <gtest/gtest.h>

namespace foundry::extraction {
namespace {

dataset::Document Make(const char* json, const RowOptions& options = {}) {
  const auto document = RowDocument(Json::parse(json), "file#1", options);
  EXPECT_TRUE(document.ok()) << document.status();
  return document.ok() ? *document : dataset::Document();
}

TEST(RowDocumentTest, UsualNames) {
  EXPECT_EQ(Make(R"({"text": "Hello there.", "url": "http://x/1", "title": "T"})").text,
            "Hello there.");
  EXPECT_EQ(Make(R"({"text": "Hello", "url": "http://x/1"})").url, "http://x/1");
  EXPECT_EQ(
      Make(R"({"prompt": "def f():\n", "canonical_solution": "    return 1\n", "test": "no"})")
          .text,
      "def f():\n\n    return 1");
  EXPECT_EQ(Make(R"({"nl": "list files", "cmd": "ls"})").text, "list files\nls");
  EXPECT_EQ(Make(R"("just a string")").text, "just a string");
}

TEST(RowDocumentTest, NamedFieldsAndMetadata) {
  const dataset::Document d =
      Make(R"({"a": "one", "b": "two", "score": 3, "metadata": {"lang": "x"}})", {{"b", "a"}});
  EXPECT_EQ(d.text, "two\none");
  EXPECT_EQ(d.metadata["fields"]["score"], 3);
  EXPECT_EQ(d.metadata["lang"], "x");
  EXPECT_EQ(d.metadata["kind"], "dataset");
}

TEST(RowDocumentTest, OtherNamesAreLabelled) {
  EXPECT_EQ(Make(R"({"a": 1})").text, "a: 1");
  EXPECT_EQ(Make(R"({"b": "x", "a": ["p", "q"], "c": null})").text, "a: p\nq\nb: x");
}

TEST(RowDocumentTest, RefusesRowsWithoutText) {
  EXPECT_FALSE(RowDocument(Json::parse("{}"), "s", {}).ok());
  EXPECT_FALSE(RowDocument(Json::parse("[1]"), "s", {}).ok());
  EXPECT_FALSE(RowDocument(Json::parse(R"({"a": null})"), "s", {}).ok());
  EXPECT_FALSE(RowDocument(Json::parse(R"({"text": "x"})"), "s", {{"body"}}).ok());
}

}  // namespace
}  // namespace foundry::extraction
