#include "common/tokenizer/chat_template_source.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/gguf.h"
#include "common/tokenizer/added_tokens.h"
#include "common/tokenizer/sources.h"

namespace foundry::tokenizer {
namespace fs = std::filesystem;
namespace {

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

// Texts of the added tokens by their ids. transformers 5 saves them in tokenizer.json alone.
absl::StatusOr<std::map<std::string, std::string>> AddedTokens(const fs::path& folder,
                                                               const Json& config) {
  std::map<std::string, std::string> texts;
  if (config.is_object() && config.contains("added_tokens_decoder")) {
    const Json& tokens = config["added_tokens_decoder"];
    if (!tokens.is_object()) return texts;
    for (const auto& [id, token] : tokens.items()) texts[id] = TokenText(tokens, id);
    return texts;
  }
  const fs::path path = folder / "tokenizer.json";
  FOUNDRY_ASSIGN_OR_RETURN(const Json tokenizer, ReadConfig(path));
  if (!tokenizer.is_object() || !tokenizer.contains("added_tokens")) return texts;
  const auto tokens = ReadAddedTokens(tokenizer["added_tokens"]);
  if (!tokens.ok()) return Annotate(tokens.status(), path.string());
  for (const AddedToken& token : *tokens) texts[absl::StrCat(token.id)] = token.content;
  return texts;
}

// Texts of the tokens that generation_config.json names as ends, or config.json where there is
// none.
absl::StatusOr<std::vector<std::string>> EndsIn(const fs::path& folder, const Json& config) {
  std::vector<std::string> ends;
  for (const char* name : {"generation_config.json", "config.json"}) {
    FOUNDRY_ASSIGN_OR_RETURN(const Json settings, ReadConfig(folder / name));
    if (!settings.is_object() || !settings.contains("eos_token_id")) continue;
    FOUNDRY_ASSIGN_OR_RETURN(const auto texts, AddedTokens(folder, config));
    const Json& ids = settings["eos_token_id"];
    for (const Json& id : ids.is_array() ? ids : Json::array({ids})) {
      const auto text = texts.find(id.dump());
      if (text != texts.end() && !text->second.empty()) ends.push_back(text->second);
    }
    break;
  }
  return ends;
}

absl::StatusOr<TemplateSource> FindInFolder(const fs::path& folder) {
  TemplateSource out;
  FOUNDRY_ASSIGN_OR_RETURN(const Json config, ReadConfig(folder / "tokenizer_config.json"));
  AddTokens(config, &out.tokens);
  // As transformers: what older models have beside it.
  if (!config.is_object() || !config.contains("added_tokens_decoder")) {
    FOUNDRY_ASSIGN_OR_RETURN(const Json map, ReadConfig(folder / "special_tokens_map.json"));
    AddTokens(map, &out.tokens);
  }
  FOUNDRY_ASSIGN_OR_RETURN(out.ends, EndsIn(folder, config));
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

absl::StatusOr<TemplateSource> FindInGguf(const fs::path& path) {
  TemplateSource out;
  FOUNDRY_ASSIGN_OR_RETURN(auto gguf, lm::Gguf::Open(path));
  FOUNDRY_ASSIGN_OR_RETURN(out.text, gguf->String("tokenizer.chat_template", ""));
  FOUNDRY_ASSIGN_OR_RETURN(const auto* tokens, gguf->Strings("tokenizer.ggml.tokens"));
  const auto text = [&](absl::string_view key) -> absl::StatusOr<std::string> {
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t id,
                             gguf->Int(absl::StrCat("tokenizer.ggml.", key, "_token_id"), -1));
    const bool known = tokens != nullptr && id >= 0 && id < static_cast<int64_t>(tokens->size());
    return known ? std::string((*tokens)[id]) : "";
  };
  for (const auto& [name, key] : kGgufTokens) {
    FOUNDRY_ASSIGN_OR_RETURN(std::string token, text(key));
    if (!token.empty()) out.tokens.emplace_back(name, std::move(token));
  }
  for (const char* key : {"eos", "eot"}) {
    FOUNDRY_ASSIGN_OR_RETURN(std::string token, text(key));
    if (!token.empty()) out.ends.push_back(std::move(token));
  }
  return out;
}

}  // namespace

absl::StatusOr<TemplateSource> FindTemplateSource(const fs::path& path) {
  const fs::path gguf = FindGguf(path);
  return gguf.empty() ? FindInFolder(path) : FindInGguf(gguf);
}

}  // namespace foundry::tokenizer
