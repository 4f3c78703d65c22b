#include "common/chat/local_chat_model.h"

#include "absl/strings/match.h"
#include "common/lm/model_path.h"
#include "gtest/gtest.h"

namespace foundry::chat {
namespace {

TEST(LocalChatModel, AnswersAndRefusesWhatDoesNotFit) {
  const auto path = lm::ResolveModel("smollm2-135m-instruct");
  if (!path.ok()) GTEST_SKIP() << path.status();
  const auto model = lm::LanguageModel::Load(*path);
  ASSERT_TRUE(model.ok()) << model.status();
  LocalChatOptions options;
  options.context_window = 64;
  const auto chat = MakeLocalChatModel(*model, "smollm2", options);
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ((*chat)->name(), "smollm2");
  ChatRequest question = MakeRequest("", "What is the capital of France?");
  question.max_tokens = 16;
  ChatRequest long_question = MakeRequest("", std::string(2000, 'x') + " what?");
  const auto replies = (*chat)->Complete({question, long_question});
  ASSERT_TRUE(replies.ok()) << replies.status();
  ASSERT_TRUE((*replies)[0].ok()) << (*replies)[0].status();
  EXPECT_TRUE(absl::StrContains((*replies)[0]->text, "Paris")) << (*replies)[0]->text;
  EXPECT_GT((*replies)[0]->completion_tokens, 0);
  EXPECT_TRUE(absl::IsInvalidArgument((*replies)[1].status()));
}

}  // namespace
}  // namespace foundry::chat
