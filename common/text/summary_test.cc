#include "common/text/summary.h"

#include <gtest/gtest.h>

#include "common/text/sentences.h"

namespace foundry::text {
namespace {

constexpr char kText[] =
    "Glaciers are large bodies of ice that move slowly over land. My cat likes fish a lot. "
    "The ice of glaciers moves because of its own weight over the land. "
    "Moving glaciers carve valleys into the land below the ice. Tea was served at five in the "
    "hall.";

TEST(SummaryTest, PrefersCentralSentencesInOrder) {
  SummaryOptions options;
  options.sentences = 2;
  const auto summary = Summarize(kText, SplitSentences(kText), options);
  ASSERT_TRUE(summary.ok());
  EXPECT_NE(summary->find("Glaciers are large"), std::string::npos);
  EXPECT_EQ(summary->find("cat"), std::string::npos);
  EXPECT_EQ(summary->find("Tea"), std::string::npos);
}

TEST(SummaryTest, LengthFollowsTheSetting) {
  for (int n : {1, 3, 5, 9}) {
    SummaryOptions options;
    options.sentences = n;
    const auto chosen = SummarySentences(kText, SplitSentences(kText), options);
    ASSERT_TRUE(chosen.ok());
    EXPECT_EQ(chosen->size(), static_cast<size_t>(std::min(n, 5)));
  }
}

TEST(SummaryTest, UsesTheEmbedderAndReportsItsFailure) {
  SummaryOptions options;
  options.sentences = 1;
  options.embed =
      [](absl::Span<const std::string> texts) -> absl::StatusOr<std::vector<std::vector<float>>> {
    // The sentences about tea and cats are alike here; they win against the rest.
    std::vector<std::vector<float>> out;
    for (const std::string& text : texts) {
      const bool odd = text.find("Tea") == 0 || text.find("My cat") == 0;
      out.push_back(
          odd ? std::vector<float>{1, 0, 0}
              : std::vector<float>{0, out.size() % 2 ? 1.f : 0.f, out.size() % 2 ? 0.f : 1.f});
    }
    return out;
  };
  EXPECT_TRUE(SummarySentences(kText, SplitSentences(kText), options).ok());
  options.embed =
      [](absl::Span<const std::string>) -> absl::StatusOr<std::vector<std::vector<float>>> {
    return absl::UnavailableError("no model");
  };
  EXPECT_FALSE(SummarySentences(kText, SplitSentences(kText), options).ok());
}

TEST(SummaryTest, EmptyTextGivesAnEmptySummary) { EXPECT_EQ(*Summarize("", {}, {}), ""); }

}  // namespace
}  // namespace foundry::text
