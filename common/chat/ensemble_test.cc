#include "common/chat/ensemble.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace foundry::chat {
namespace {

// Echoes, or fails when it is out of order.
class EchoModel : public ChatModel {
 public:
  EchoModel(std::string name, bool works) : name_(std::move(name)), works_(works) {}
  const std::string& name() const override { return name_; }
  absl::StatusOr<std::vector<absl::StatusOr<ChatReply>>> Complete(
      absl::Span<const ChatRequest> requests, const CompleteOptions& options) override {
    std::vector<absl::StatusOr<ChatReply>> replies;
    for (const ChatRequest& request : requests) {
      if (!works_) {
        replies.push_back(absl::UnavailableError("out of order"));
        continue;
      }
      ChatReply reply;
      reply.text = absl::StrCat(name_, ":", request.messages.back().content);
      replies.push_back(reply);
    }
    return replies;
  }
  absl::Status Check(const CancelToken&) override {
    return works_ ? absl::OkStatus() : absl::UnavailableError("out of order");
  }

 private:
  std::string name_;
  bool works_;
};

std::vector<ChatRequest> Requests(int n) {
  std::vector<ChatRequest> requests;
  for (int i = 0; i < n; ++i) requests.push_back(MakeRequest("", absl::StrCat(i)));
  return requests;
}

TEST(Ensemble, SharesByWeightAndKeepsOrder) {
  auto ensemble = Ensemble::Make({{std::make_shared<EchoModel>("a", true), 3.0},
                                  {std::make_shared<EchoModel>("b", true), 1.0}});
  ASSERT_TRUE(ensemble.ok());
  const auto replies = (*ensemble)->Complete(Requests(1000));
  ASSERT_TRUE(replies.ok());
  int a = 0;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE((*replies)[i].ok());
    const std::string& text = (*replies)[i]->text;
    EXPECT_EQ(text.substr(2), absl::StrCat(i));
    a += text[0] == 'a';
  }
  EXPECT_NEAR(a, 750, 50);
}

TEST(Ensemble, OthersStepInForAMemberThatFails) {
  auto ensemble = Ensemble::Make({{std::make_shared<EchoModel>("a", false), 1.0},
                                  {std::make_shared<EchoModel>("b", true), 1.0}});
  ASSERT_TRUE(ensemble.ok());
  const auto replies = (*ensemble)->Complete(Requests(20));
  ASSERT_TRUE(replies.ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE((*replies)[i].ok());
    EXPECT_EQ((*replies)[i]->text, absl::StrCat("b:", i));
  }
  EXPECT_TRUE(absl::IsUnavailable((*ensemble)->Check({})));
}

TEST(Ensemble, RefusesBadWeights) {
  EXPECT_TRUE(absl::IsInvalidArgument(Ensemble::Make({}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Ensemble::Make({{std::make_shared<EchoModel>("a", true), 0.0}}).status()));
}

}  // namespace
}  // namespace foundry::chat
