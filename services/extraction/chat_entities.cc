#include "services/extraction/chat_entities.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/text/normalize.h"
#include "common/text/words.h"

namespace foundry::extraction {
namespace {

using dataset::Entity;

constexpr size_t kStretch = 3000;  // bytes of text in one request
constexpr char kSystem[] =
    "You find named entities in texts. You answer with one JSON object and nothing else.";

// Paragraphs packed into stretches; a longer paragraph is one of its own.
std::vector<std::string> Stretches(const dataset::Document& document) {
  std::vector<std::string> out;
  for (const dataset::Span& span : document.paragraphs) {
    const absl::string_view paragraph = text::Slice(document.text, span);
    if (out.empty() || out.back().size() + paragraph.size() > kStretch) out.emplace_back();
    absl::StrAppend(&out.back(), out.back().empty() ? "" : "\n\n", paragraph);
  }
  return out;
}

std::string Prompt(const std::string& stretch) {
  return absl::StrCat(
      "List the people, organisations and locations that this text names, each exactly as it is "
      "written there.\n"
      "Form: {\"person\": [\"…\"], \"organization\": [\"…\"], \"location\": [\"…\"]}\n\nText:\n",
      stretch);
}

int64_t Mentions(absl::string_view text, absl::string_view name) {
  int64_t count = 0;
  for (size_t at = text.find(name); at != absl::string_view::npos;
       at = text.find(name, at + name.size()))
    ++count;
  return count;
}

}  // namespace

absl::StatusOr<std::vector<Entity>> ParseEntityReply(absl::string_view reply) {
  const size_t begin = reply.find('{');
  const size_t end = reply.rfind('}');
  if (begin == absl::string_view::npos || end == absl::string_view::npos || end < begin) {
    return absl::InvalidArgumentError("the reply holds no JSON object");
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Json json,
                           ParseJson(reply.substr(begin, end - begin + 1), "reply"));
  std::vector<Entity> out;
  bool any = false;
  for (const auto& [type, keys] : std::map<std::string, std::vector<std::string>>{
           {"person", {"person", "people", "persons"}},
           {"organization", {"organization", "organizations", "organisation", "organisations"}},
           {"location", {"location", "locations"}}}) {
    for (const std::string& key : keys) {
      const auto it = json.find(key);
      if (it == json.end() || !it->is_array()) continue;
      any = true;
      for (const Json& name : *it) {
        if (!name.is_string()) continue;
        std::string clean = text::OneLine(name.get<std::string>());
        if (!clean.empty()) out.push_back({std::move(clean), type, 0});
      }
    }
  }
  if (!any)
    return absl::InvalidArgumentError("the reply names none of person, organization, location");
  return out;
}

absl::StatusOr<ChatEntities> FindEntitiesByChat(const dataset::Document& document,
                                                chat::ChatModel& model, const CancelToken& cancel) {
  std::vector<chat::ChatRequest> requests;
  for (const std::string& stretch : Stretches(document)) {
    chat::ChatRequest request = chat::MakeRequest(kSystem, Prompt(stretch));
    request.max_tokens = 512;
    requests.push_back(std::move(request));
  }
  ChatEntities out;
  if (requests.empty()) return out;
  chat::CompleteOptions options;
  options.cancel = cancel;
  FOUNDRY_ASSIGN_OR_RETURN(const auto replies, model.Complete(requests, options));
  std::map<std::pair<std::string, std::string>, bool> seen;
  for (const absl::StatusOr<chat::ChatReply>& reply : replies) {
    const absl::StatusOr<std::vector<Entity>> found =
        reply.ok() ? ParseEntityReply(reply->text)
                   : absl::StatusOr<std::vector<Entity>>(reply.status());
    if (!found.ok()) {
      ++out.unparsed;
      continue;
    }
    ++out.parsed;
    for (Entity entity : *found) {
      if (!seen.emplace(std::pair(entity.text, entity.type), true).second) continue;
      entity.count = Mentions(document.text, entity.text);
      if (entity.count == 0) {
        ++out.not_in_text;
      } else {
        out.entities.push_back(std::move(entity));
      }
    }
  }
  std::stable_sort(out.entities.begin(), out.entities.end(),
                   [](const Entity& a, const Entity& b) { return a.count > b.count; });
  return out;
}

}  // namespace foundry::extraction
