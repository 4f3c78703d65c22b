#include "services/extraction/chat_entities.h"

#include <gtest/gtest.h>

#include "common/text/structure.h"

namespace foundry::extraction {
namespace {

TEST(ChatEntitiesTest, ReadsRepliesWithTextAround) {
  const auto found = ParseEntityReply(
      "Sure: {\"person\": [\"Ada  Lovelace\"], \"locations\": [\"London\"], \"organization\": "
      "[]}.");
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_FALSE(ParseEntityReply("none").ok());
  EXPECT_FALSE(ParseEntityReply("{\"things\": []}").ok());
}

class FakeModel : public chat::ChatModel {
 public:
  explicit FakeModel(std::string reply) : reply_(std::move(reply)) {}
  const std::string& name() const override { return name_; }
  absl::StatusOr<std::vector<absl::StatusOr<chat::ChatReply>>> Complete(
      absl::Span<const chat::ChatRequest> requests, const chat::CompleteOptions&) override {
    return std::vector<absl::StatusOr<chat::ChatReply>>(requests.size(), chat::ChatReply{reply_});
  }
  absl::Status Check(const CancelToken&) override { return absl::OkStatus(); }

 private:
  std::string name_ = "fake", reply_;
};

TEST(ChatEntitiesTest, KeepsOnlyWhatTheTextHolds) {
  dataset::Document document;
  document.text = "Ada met Charles. Ada wrote.";
  text::FillStructure({}, &document);
  FakeModel model("{\"person\": [\"Charles\", \"Ada\", \"Byron\"], \"location\": []}");
  const auto found = FindEntitiesByChat(document, model, CancelToken());
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->entities.size(), 2u);
  EXPECT_EQ(found->entities[0].text, "Ada");
  EXPECT_EQ(found->entities[0].count, 2);
  EXPECT_EQ(found->not_in_text, 1);
  FakeModel silent("I don't know");
  EXPECT_EQ(FindEntitiesByChat(document, silent, CancelToken())->unparsed, 1);
}

}  // namespace
}  // namespace foundry::extraction
