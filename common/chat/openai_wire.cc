#include "common/chat/openai_wire.h"

#include "absl/strings/ascii.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace foundry::chat {
namespace {

constexpr size_t kMostErrorBytes = 300;

std::string OneLine(absl::string_view text) {
  std::string line(text.substr(0, kMostErrorBytes));
  absl::RemoveExtraAsciiWhitespace(&line);
  return line;
}

}  // namespace

std::string EncodeRequest(const ChatRequest& request, absl::string_view model) {
  Json messages = Json::array();
  for (const ChatMessage& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  Json body = {{"model", std::string(model)},
               {"messages", std::move(messages)},
               {"max_tokens", request.max_tokens},
               {"temperature", request.temperature},
               {"stream", false}};
  if (request.top_p < 1.0) body["top_p"] = request.top_p;
  // Servers that parse it as a signed 64-bit number refuse greater seeds.
  if (request.temperature > 0) body["seed"] = request.seed & 0x7fffffff;
  if (!request.stop.empty()) body["stop"] = request.stop;
  return DumpJson(body);
}

absl::StatusOr<ChatReply> DecodeReply(absl::string_view body) {
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ParseJson(body, "reply"));
  const auto choices = json.is_object() ? json.find("choices") : json.end();
  if (!json.is_object() || choices == json.end() || !choices->is_array() || choices->empty() ||
      !choices->front().is_object()) {
    return absl::InvalidArgumentError("the reply has no \"choices\"");
  }
  const Json& choice = choices->front();
  const auto message = choice.find("message");
  if (message == choice.end() || !message->is_object()) {
    return absl::InvalidArgumentError("the reply's choice has no \"message\"");
  }
  const auto content = message->find("content");
  if (content == message->end() || !(content->is_string() || content->is_null())) {
    return absl::InvalidArgumentError("the reply's message has no text");
  }
  ChatReply reply;
  // null: a reasoning model that ran out of tokens before its answer.
  if (content->is_string()) reply.text = content->get<std::string>();
  FOUNDRY_ASSIGN_OR_RETURN(const std::string finish, JsonString(choice, "finish_reason"));
  reply.truncated = finish == "length";
  if (const auto usage = json.find("usage"); usage != json.end() && usage->is_object()) {
    FOUNDRY_ASSIGN_OR_RETURN(reply.prompt_tokens, JsonInt(*usage, "prompt_tokens"));
    FOUNDRY_ASSIGN_OR_RETURN(reply.completion_tokens, JsonInt(*usage, "completion_tokens"));
  }
  return reply;
}

std::string ErrorMessage(absl::string_view body) {
  const auto json = ParseJson(body, "reply");
  if (json.ok() && json->is_object()) {
    for (const char* key : {"error", "message", "detail"}) {
      const auto it = json->find(key);
      if (it == json->end()) continue;
      if (it->is_string()) return OneLine(it->get<std::string>());
      if (it->is_object() && it->contains("message") && (*it)["message"].is_string()) {
        return OneLine((*it)["message"].get<std::string>());
      }
    }
  }
  return OneLine(body);
}

}  // namespace foundry::chat
