#include "common/chat/http_chat_model.h"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/json.h"
#include "common/testing/http_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::chat {
namespace {

using ::foundry::testing::HttpServer;
using ::foundry::testing::HttpServerRequest;
using ::foundry::testing::HttpServerResponse;
using ::testing::HasSubstr;
using ::testing::Not;

HttpServerResponse Fine(const std::string& text, const std::string& finish = "stop") {
  const Json body = {
      {"choices", Json::array({{{"message", {{"role", "assistant"}, {"content", text}}},
                                {"finish_reason", finish}}})},
      {"usage", {{"prompt_tokens", 7}, {"completion_tokens", 2}}}};
  return {200, {{"Content-Type", "application/json"}}, DumpJson(body)};
}

HttpChatOptions Quick(const HttpServer& server) {
  HttpChatOptions options;
  options.endpoint = server.url() + "/v1/";
  options.model = "test-model";
  options.min_backoff = absl::Milliseconds(1);
  options.max_backoff = absl::Milliseconds(4);
  return options;
}

std::shared_ptr<ChatModel> Open(const HttpChatOptions& options) {
  auto model = MakeHttpChatModel(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

absl::StatusOr<ChatReply> AskOne(ChatModel& model, const CompleteOptions& options = {}) {
  auto replies = model.Complete({MakeRequest("Be brief.", "What is it?")}, options);
  if (!replies.ok()) return replies.status();
  return replies->front();
}

TEST(HttpChatModel, SpeaksTheProtocol) {
  HttpServerRequest seen;
  HttpServer server([&](const HttpServerRequest& request) {
    seen = request;
    return Fine("It is fine.", "length");
  });
  setenv("FOUNDRY_TEST_KEY", "sk-very-secret", 1);
  HttpChatOptions options = Quick(server);
  options.api_key = "env:FOUNDRY_TEST_KEY";
  auto model = Open(options);
  ChatRequest request = MakeRequest("Be brief.", "What is it?");
  request.max_tokens = 12;
  request.temperature = 0.5;
  request.seed = 99;
  request.stop = {"\n\n"};
  const auto replies = model->Complete({request});
  ASSERT_TRUE(replies.ok() && replies->front().ok());
  const ChatReply& reply = *replies->front();
  EXPECT_EQ(reply.text, "It is fine.");
  EXPECT_TRUE(reply.truncated);
  EXPECT_EQ(reply.completion_tokens, 2);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/v1/chat/completions");
  EXPECT_EQ(seen.headers["authorization"], "Bearer sk-very-secret");
  const auto body = ParseJson(seen.body, "request");
  ASSERT_TRUE(body.ok());
  EXPECT_EQ((*body)["model"], "test-model");
  EXPECT_EQ((*body)["messages"][1]["content"], "What is it?");
  EXPECT_EQ((*body)["max_tokens"], 12);
  EXPECT_EQ((*body)["seed"], 99);
  EXPECT_EQ((*body)["stop"][0], "\n\n");
}

TEST(HttpChatModel, TriesAgainUntilItIsFine) {
  std::atomic<int> calls{0};
  HttpServer server([&](const HttpServerRequest&) -> HttpServerResponse {
    switch (calls++) {
      case 0:
        return {429, {{"Retry-After", "1"}}, R"({"error": {"message": "slow down"}})"};
      case 1:
        return {500, {}, "oops"};
      case 2:
        return {200, {}, "<html>garbage</html>"};
      case 3:
        return {200, {}, R"({"choices": []})"};
      case 4:
        return {.drop = true};
      default:
        return Fine("at last");
    }
  });
  auto model = Open(Quick(server));
  const absl::Time start = absl::Now();
  const auto reply = AskOne(*model);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->text, "at last");
  EXPECT_EQ(calls, 6);
  EXPECT_GE(absl::Now() - start, absl::Seconds(1));  // Retry-After was kept
}

TEST(HttpChatModel, SlowServerMeetsTheRequestsDeadline) {
  absl::Notification release;
  std::atomic<int> calls{0};
  HttpServer server([&](const HttpServerRequest&) {
    if (calls++ == 0) release.WaitForNotification();
    return Fine("quick");
  });
  HttpChatOptions options = Quick(server);
  options.timeout = absl::Milliseconds(200);
  options.max_attempts = 1;
  auto model = Open(options);
  const auto late = AskOne(*model);
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.status())) << late.status();
  EXPECT_THAT(late.status().message(), HasSubstr(server.url()));
  release.Notify();
  const auto reply = AskOne(*model);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->text, "quick");
}

TEST(HttpChatModel, ErrorsNameEndpointAndStatusButNeverTheKey) {
  HttpServer server([&](const HttpServerRequest&) -> HttpServerResponse {
    return {401, {}, R"({"error": {"message": "Incorrect API key: sk-very-secret"}})"};
  });
  setenv("FOUNDRY_TEST_KEY", "sk-very-secret", 1);
  HttpChatOptions options = Quick(server);
  options.api_key = "env:FOUNDRY_TEST_KEY";
  auto model = Open(options);
  const absl::Status status = model->Check({});
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr(server.url() + "/v1"));
  EXPECT_THAT(status.message(), HasSubstr("401"));
  EXPECT_THAT(status.message(), Not(HasSubstr("very-secret")));
  EXPECT_THAT(model->name(), Not(HasSubstr("very-secret")));
}

TEST(HttpChatModel, GivesUpAfterMaxAttemptsAndOthersOfTheBatchSucceed) {
  std::atomic<int> refused{0};
  HttpServer server([&](const HttpServerRequest& request) -> HttpServerResponse {
    if (absl::StrContains(request.body, "poison")) {
      ++refused;
      return {503, {}, "busy"};
    }
    return Fine("ok");
  });
  HttpChatOptions options = Quick(server);
  options.max_attempts = 3;
  auto model = Open(options);
  std::vector<ChatRequest> requests(5, MakeRequest("", "good"));
  requests[2] = MakeRequest("", "poison");
  const auto replies = model->Complete(requests);
  ASSERT_TRUE(replies.ok());
  for (int i = 0; i < 5; ++i) EXPECT_EQ((*replies)[i].ok(), i != 2);
  EXPECT_EQ(refused, 3);
  EXPECT_THAT((*replies)[2].status().message(), HasSubstr("503"));
  EXPECT_THAT((*replies)[2].status().message(), HasSubstr("attempt 3 of 3"));
}

TEST(HttpChatModel, UnreachableIsUnavailable) {
  std::string url;
  {
    HttpServer server([](const HttpServerRequest&) { return Fine(""); });
    url = server.url();
  }
  HttpChatOptions options;
  options.endpoint = url;
  options.model = "m";
  options.min_backoff = absl::Milliseconds(1);
  const absl::Status status = Open(options)->Check({});
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr(url));
}

TEST(HttpChatModel, KeepsTheConcurrencyLimitAcrossCallers) {
  std::mutex mutex;
  int now = 0, most = 0;
  absl::Notification both;
  HttpServer server([&](const HttpServerRequest&) {
    {
      std::lock_guard lock(mutex);
      most = std::max(most, ++now);
      if (now == 2 && !both.HasBeenNotified()) both.Notify();
    }
    both.WaitForNotification();  // the limit is reached, or the test hangs
    std::lock_guard lock(mutex);
    --now;
    return Fine("ok");
  });
  HttpChatOptions options = Quick(server);
  options.max_concurrency = 2;
  auto model = Open(options);
  const std::vector<ChatRequest> requests(6, MakeRequest("", "x"));
  std::thread other([&] { EXPECT_TRUE(model->Complete(requests).ok()); });
  const auto replies = model->Complete(requests);
  other.join();
  ASSERT_TRUE(replies.ok());
  for (const auto& reply : *replies) EXPECT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(most, 2);
}

TEST(HttpChatModel, CancelEndsTheWait) {
  absl::Notification asked, release;
  HttpServer server([&](const HttpServerRequest&) {
    if (!asked.HasBeenNotified()) asked.Notify();
    release.WaitForNotification();
    return Fine("too late");
  });
  auto model = Open(Quick(server));
  CompleteOptions options;
  std::thread canceller([&] {
    asked.WaitForNotification();
    options.cancel.Cancel("job cancelled");
  });
  const auto reply = AskOne(*model, options);
  EXPECT_TRUE(absl::IsCancelled(reply.status())) << reply.status();
  canceller.join();
  release.Notify();
}

TEST(HttpChatModel, RefusesBadSettings) {
  HttpChatOptions options;
  options.endpoint = "ftp://host/v1";
  options.model = "m";
  EXPECT_TRUE(absl::IsInvalidArgument(MakeHttpChatModel(options).status()));
  options.endpoint = "https://user:hunter2@host/v1";
  const absl::Status userinfo = MakeHttpChatModel(options).status();
  EXPECT_TRUE(absl::IsInvalidArgument(userinfo));
  EXPECT_THAT(userinfo.message(), Not(HasSubstr("hunter2")));
  options.endpoint = "https://host/v1";
  options.api_key = "sk-raw-key";
  const absl::Status raw = MakeHttpChatModel(options).status();
  EXPECT_TRUE(absl::IsInvalidArgument(raw));
  EXPECT_THAT(raw.message(), Not(HasSubstr("sk-raw-key")));
  options.api_key = "file:/no/such/file";
  EXPECT_TRUE(absl::IsNotFound(MakeHttpChatModel(options).status()));
}

}  // namespace
}  // namespace foundry::chat
