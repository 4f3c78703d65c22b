#include "common/tokenizer/chat_template.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/gguf.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/sources.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace fs = std::filesystem;
namespace {

// What a model says in the conversation that the end of a turn is learnt from.
constexpr char kAnswer[] = "An answer 4711";

absl::string_view HowToGoOn() {
  return "give prompts as text or ids instead of messages, or put another template into the "
         "model's "
         "chat_template.jinja";
}

struct Source {
  std::string text, bos, eos;
};

std::string TokenText(const Json& config, const char* key) {
  if (!config.is_object() || !config.contains(key)) return {};
  const Json& value = config[key];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return {};
}

// tokenizer_config.json holds the source, or a list of named ones.
std::string TemplateIn(const Json& config) {
  if (!config.is_object() || !config.contains("chat_template")) return {};
  const Json& value = config["chat_template"];
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return {};
  for (const Json& item : value) {
    if (TokenText(item, "name") == "default") return TokenText(item, "template");
  }
  return {};
}

absl::StatusOr<Source> FindInFolder(const fs::path& folder) {
  Source out;
  Json config;
  absl::StatusOr<std::string> text = ReadFile(folder / "tokenizer_config.json");
  if (text.ok()) {
    FOUNDRY_ASSIGN_OR_RETURN(config, ParseJson(*text, (folder / "tokenizer_config.json").string()));
  } else if (!absl::IsNotFound(text.status())) {
    return text.status();
  }
  out.bos = TokenText(config, "bos_token");
  out.eos = TokenText(config, "eos_token");
  absl::StatusOr<std::string> jinja = ReadFile(folder / "chat_template.jinja");
  if (!jinja.ok() && !absl::IsNotFound(jinja.status())) return jinja.status();
  out.text = jinja.ok() ? *std::move(jinja) : TemplateIn(config);
  return out;
}

absl::StatusOr<Source> FindInGguf(const fs::path& path) {
  Source out;
  FOUNDRY_ASSIGN_OR_RETURN(auto gguf, lm::Gguf::Open(path));
  FOUNDRY_ASSIGN_OR_RETURN(out.text, gguf->String("tokenizer.chat_template", ""));
  FOUNDRY_ASSIGN_OR_RETURN(const auto* tokens, gguf->Strings("tokenizer.ggml.tokens"));
  for (const auto& [key, text] : {std::pair("tokenizer.ggml.bos_token_id", &out.bos),
                                  std::pair("tokenizer.ggml.eos_token_id", &out.eos)}) {
    FOUNDRY_ASSIGN_OR_RETURN(int64_t id, gguf->Int(key, -1));
    if (tokens != nullptr && id >= 0 && id < static_cast<int64_t>(tokens->size())) {
      *text = (*tokens)[id];
    }
  }
  return out;
}

}  // namespace

// The special token that follows an answer: "<|im_end|>", "</s>". Blanks before it count.
absl::StatusOr<std::string> ChatTemplate::FindEndOfTurn() const {
  std::vector<ChatMessage> messages = {{"user", "A question"}, {"assistant", kAnswer}};
  absl::StatusOr<std::string> rendered = Render(messages, /*add_generation_prompt=*/false);
  if (!rendered.ok()) {  // Granite's own system message wants a clock
    messages.insert(messages.begin(), {"system", "A system message"});
    if (auto again = Render(messages, false); again.ok()) rendered = std::move(again);
  }
  FOUNDRY_ASSIGN_OR_RETURN(const std::string chat, std::move(rendered));
  const size_t answer = chat.rfind(kAnswer);
  if (answer == chat.npos) return absl::UnimplementedError("it does not show what a model said");
  const std::string rest = chat.substr(answer + sizeof(kAnswer) - 1);
  const size_t begin = rest.find_first_not_of(" \n");
  if (begin == rest.npos) return absl::UnimplementedError("nothing ends what a model said");
  if (!eos_.empty() && absl::StartsWith(rest.substr(begin), eos_)) {
    return rest.substr(0, begin + eos_.size());
  }
  const size_t end = rest.find('>', begin);
  if (rest[begin] != '<' || end == rest.npos) {
    return absl::UnimplementedError("no special token ends what a model said");
  }
  return rest.substr(0, end + 1);
}

absl::StatusOr<ChatTemplate> ChatTemplate::FromSource(absl::string_view source,
                                                      absl::string_view bos,
                                                      absl::string_view eos) {
  const auto unusable = [](const absl::Status& status) {
    return absl::UnimplementedError(
        absl::StrCat("the chat template cannot be used: ", status.message(), "; ", HowToGoOn()));
  };
  ChatTemplate out;
  out.source_ = std::string(source);
  out.bos_ = std::string(bos);
  out.eos_ = std::string(eos);
  auto parsed = jinja::Template::Parse(ToValidUtf8(source));
  if (!parsed.ok()) return unusable(parsed.status());
  out.template_ = *std::move(parsed);
  auto end_of_turn = out.FindEndOfTurn();
  if (!end_of_turn.ok()) return unusable(end_of_turn.status());
  out.end_of_turn_ = *std::move(end_of_turn);
  return out;
}

absl::StatusOr<std::string> ChatTemplate::Render(const std::vector<ChatMessage>& messages,
                                                 bool add_generation_prompt) const {
  if (messages.empty()) return absl::InvalidArgumentError("a chat needs at least one message");
  jinja::List list;
  std::vector<std::string> contents;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role != "system" && role != "user" && role != "assistant") {
      return absl::InvalidArgumentError(absl::StrCat("message ", i + 1, " has the role '", role,
                                                     "': system, user or assistant is expected"));
    }
    contents.push_back(ToValidUtf8(messages[i].content));
    list.push_back(jinja::Dict({{"role", role}, {"content", contents.back()}}));
  }
  auto text = template_.Render({{"messages", std::move(list)},
                                {"tools", jinja::Value::MakeNone()},
                                {"documents", jinja::Value::MakeNone()},
                                {"add_generation_prompt", add_generation_prompt},
                                {"bos_token", bos_},
                                {"eos_token", eos_}});
  if (!text.ok()) {
    return Annotate(text.status(), "this model's chat template does not take the messages");
  }
  // Templates pass over what they have no place for, as Phi-3's first one does with system
  // messages.
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == "assistant") continue;  // thoughts of earlier turns may go
    // As |trim leaves it.
    const std::string said = jinja::Strip(contents[i], nullptr, true, true);
    if (!absl::StrContains(*text, said)) {
      return absl::InvalidArgumentError(
          absl::StrCat("this model's chat template leaves out message ", i + 1, " (",
                       messages[i].role, "): put its text into a user message"));
    }
  }
  return text;
}

absl::StatusOr<ChatTemplate> ChatTemplate::Load(const fs::path& path) {
  const fs::path gguf = FindGguf(path);
  FOUNDRY_ASSIGN_OR_RETURN(Source source, gguf.empty() ? FindInFolder(path) : FindInGguf(gguf));
  if (source.text.empty()) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": the model has no chat template"));
  }
  absl::StatusOr<ChatTemplate> out = FromSource(source.text, source.bos, source.eos);
  if (!out.ok()) return Annotate(out.status(), path.string());
  return out;
}

}  // namespace foundry::tokenizer
