#include "common/chat/chat_model.h"

#include <utility>

namespace foundry::chat {

ChatRequest MakeRequest(std::string system, std::string user) {
  ChatRequest request;
  if (!system.empty()) request.messages.push_back({"system", std::move(system)});
  request.messages.push_back({"user", std::move(user)});
  return request;
}

}  // namespace foundry::chat
