#include "common/tokenizer/chat_template.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/gguf.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/compare.h"
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
  std::string text;
  SpecialTokens tokens;
};

std::string TokenText(const Json& config, const std::string& key) {
  if (!config.is_object() || !config.contains(key)) return {};
  const Json& value = config[key];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return {};
}

// Those of one file, as transformers' special_tokens_map: the usual ones, whatever else is called
// *_token, and what the model names itself. A later file's come before an earlier one's.
void AddTokens(const Json& config, SpecialTokens* tokens) {
  if (!config.is_object()) return;
  const auto add = [&](const std::string& name, const std::string& text) {
    const auto same = [&](const auto& token) { return token.first == name; };
    tokens->erase(std::remove_if(tokens->begin(), tokens->end(), same), tokens->end());
    tokens->emplace_back(name, text);
  };
  for (const auto& [key, value] : config.items()) {
    const std::string text = TokenText(config, key);
    if (absl::EndsWith(key, "_token") && !text.empty()) add(key, text);
    if (key != "extra_special_tokens" && key != "model_specific_special_tokens") continue;
    if (!value.is_object()) continue;
    for (const auto& [name, named] : value.items()) add(name, TokenText(value, name));
  }
}

// Null when there is none.
absl::StatusOr<Json> ReadConfig(const fs::path& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) return Json();
  if (!text.ok()) return text.status();
  return ParseJson(*text, path.string());
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
  FOUNDRY_ASSIGN_OR_RETURN(const Json config, ReadConfig(folder / "tokenizer_config.json"));
  AddTokens(config, &out.tokens);
  // As transformers: what older models have beside it.
  if (!config.is_object() || !config.contains("added_tokens_decoder")) {
    FOUNDRY_ASSIGN_OR_RETURN(const Json map, ReadConfig(folder / "special_tokens_map.json"));
    AddTokens(map, &out.tokens);
  }
  absl::StatusOr<std::string> jinja = ReadFile(folder / "chat_template.jinja");
  if (!jinja.ok() && !absl::IsNotFound(jinja.status())) return jinja.status();
  out.text = jinja.ok() ? *std::move(jinja) : TemplateIn(config);
  return out;
}

// By what templates and GGUF call them.
constexpr std::pair<const char*, const char*> kGgufTokens[] = {
    {"bos_token", "bos"},       {"eos_token", "eos"}, {"unk_token", "unknown"},
    {"sep_token", "seperator"},  // sic
    {"pad_token", "padding"},   {"cls_token", "cls"}, {"mask_token", "mask"}};

absl::StatusOr<Source> FindInGguf(const fs::path& path) {
  Source out;
  FOUNDRY_ASSIGN_OR_RETURN(auto gguf, lm::Gguf::Open(path));
  FOUNDRY_ASSIGN_OR_RETURN(out.text, gguf->String("tokenizer.chat_template", ""));
  FOUNDRY_ASSIGN_OR_RETURN(const auto* tokens, gguf->Strings("tokenizer.ggml.tokens"));
  for (const auto& [name, key] : kGgufTokens) {
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t id,
                             gguf->Int(absl::StrCat("tokenizer.ggml.", key, "_token_id"), -1));
    if (tokens != nullptr && id >= 0 && id < static_cast<int64_t>(tokens->size())) {
      out.tokens.emplace_back(name, (*tokens)[id]);
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
  for (const auto& [name, text] : tokens_) {
    if (name == "eos_token" && !text.empty() && absl::StartsWith(rest.substr(begin), text)) {
      return rest.substr(0, begin + text.size());
    }
  }
  const size_t end = rest.find('>', begin);
  if (rest[begin] != '<' || end == rest.npos) {
    return absl::UnimplementedError("no special token ends what a model said");
  }
  return rest.substr(0, end + 1);
}

absl::StatusOr<ChatTemplate> ChatTemplate::FromSource(absl::string_view source,
                                                      const SpecialTokens& tokens) {
  const auto unusable = [](const absl::Status& status) {
    return absl::UnimplementedError(
        absl::StrCat("the chat template cannot be used: ", status.message(), "; ", HowToGoOn()));
  };
  ChatTemplate out;
  out.source_ = std::string(source);
  for (const auto& [name, text] : tokens) out.tokens_.emplace_back(name, ToValidUtf8(text));
  auto parsed = jinja::Template::Parse(ToValidUtf8(source));
  if (!parsed.ok()) return unusable(parsed.status());
  out.template_ = *std::move(parsed);
  auto end_of_turn = out.FindEndOfTurn();
  if (!end_of_turn.ok()) return unusable(end_of_turn.status());
  out.end_of_turn_ = *std::move(end_of_turn);
  return out;
}

namespace {

// Templates pass over what they have no place for, as Phi-3's first one does with system messages.
absl::Status CheckNoneIsLeftOut(const std::vector<ChatMessage>& messages,
                                const std::vector<std::string>& contents, const std::string& text) {
  const jinja::Budget budget;  // a template could put them so that each is looked for everywhere
  size_t end = 0;              // of the one before, behind which the next one is likely
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == "assistant") continue;  // thoughts of earlier turns may go
    // As |trim leaves it.
    const std::string said = jinja::Strip(contents[i], nullptr, true, true);
    FOUNDRY_ASSIGN_OR_RETURN(size_t at, jinja::Search(text, said, end));
    if (at == text.npos) {
      FOUNDRY_ASSIGN_OR_RETURN(at, jinja::Search(text, said));
    }
    if (at == text.npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("this model's chat template leaves out message ", i + 1, " (",
                       messages[i].role, "): put its text into a user message"));
    }
    end = at + said.size();
  }
  return absl::OkStatus();
}

}  // namespace

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
  std::vector<std::pair<std::string, jinja::Value>> names(tokens_.begin(), tokens_.end());
  names.emplace_back("messages", std::move(list));
  names.emplace_back("tools", jinja::Value::MakeNone());
  names.emplace_back("documents", jinja::Value::MakeNone());
  names.emplace_back("add_generation_prompt", add_generation_prompt);
  auto text = template_.Render(std::move(names));
  if (!text.ok()) {
    return Annotate(text.status(), "this model's chat template does not take the messages");
  }
  FOUNDRY_RETURN_IF_ERROR(CheckNoneIsLeftOut(messages, contents, *text));
  return text;
}

absl::StatusOr<ChatTemplate> ChatTemplate::Load(const fs::path& path) {
  const fs::path gguf = FindGguf(path);
  FOUNDRY_ASSIGN_OR_RETURN(Source source, gguf.empty() ? FindInFolder(path) : FindInGguf(gguf));
  if (source.text.empty()) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": the model has no chat template"));
  }
  absl::StatusOr<ChatTemplate> out = FromSource(source.text, source.tokens);
  if (!out.ok()) return Annotate(out.status(), path.string());
  return out;
}

}  // namespace foundry::tokenizer
