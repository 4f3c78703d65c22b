#include "common/tokenizer/chat_template.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/gguf.h"
#include "common/tokenizer/sources.h"

namespace foundry::tokenizer {
namespace fs = std::filesystem;
namespace {

// Jinja in one spelling: no blanks outside literals, single quotes, x['y'] for x.y and x["y"], no
// whitespace control, real newlines in literals, adjacent literals joined.
std::string Compact(absl::string_view source) {
  std::string out;
  char quote = 0;
  bool tag = false;  // inside {{ }} or {% %}: only there quotes begin literals
  for (size_t i = 0; i < source.size(); ++i) {
    const char c = source[i];
    if (quote != 0) {
      if (c == '\\' && i + 1 < source.size()) {
        const char next = source[++i];
        out.push_back(next == 'n' ? '\n' : next);
      } else if (c == quote) {
        out.push_back('\'');
        quote = 0;
      } else {
        out.push_back(c);
      }
      continue;
    }
    const absl::string_view pair = source.substr(i, 2);
    if (pair == "{#") {
      const size_t end = source.find("#}", i);
      i = end == absl::string_view::npos ? source.size() : end + 1;
      continue;
    }
    if (pair == "{{" || pair == "{%") tag = true;
    if (pair == "}}" || pair == "%}") tag = false;
    if (tag && (c == '\'' || c == '"')) {
      quote = c;
      out.push_back('\'');
    } else if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
      out.push_back(c);
    }
  }
  out = absl::StrReplaceAll(out, {{"{%-", "{%"},
                                  {"-%}", "%}"},
                                  {"{{-", "{{"},
                                  {"-}}", "}}"},
                                  {"message.role", "message['role']"},
                                  {"message.content", "message['content']"}});
  return absl::StrReplaceAll(out, {{"'+'", ""}});
}

// The literal system message that a ChatML template puts first, or "".
std::string DefaultSystem(const std::string& compact) {
  constexpr absl::string_view kBefore = "'<|im_start|>system\n", kAfter = "<|im_end|>\n'";
  const absl::string_view all = compact;
  for (size_t at = all.find(kBefore); at != all.npos; at = all.find(kBefore, at + 1)) {
    const absl::string_view rest = all.substr(at + kBefore.size());
    const absl::string_view text = rest.substr(0, rest.find_first_of("'{}<"));
    if (!text.empty() && absl::StartsWith(rest.substr(text.size()), kAfter)) {
      return std::string(text);
    }
  }
  return "";
}

// Takes the literal off that `rest` begins with; nullopt when it begins otherwise.
std::optional<absl::string_view> TakeLiteral(absl::string_view* rest) {
  absl::string_view after = *rest;
  if (!absl::ConsumePrefix(&after, "'")) return std::nullopt;
  const size_t end = after.find('\'');
  if (end == after.npos) return std::nullopt;
  *rest = after.substr(end + 1);
  return after.substr(0, end);
}

// What Mistral templates put around messages.
struct Around {
  std::string before, after;
  bool trim = false;
};

// {{'…[INST]…'+message['content']+'…[/INST]…'}}
std::optional<Around> TakeUserTurn(absl::string_view rest) {
  if (!absl::ConsumePrefix(&rest, "{{")) return std::nullopt;
  const auto before = TakeLiteral(&rest);
  if (!before || !absl::StrContains(*before, "[INST]")) return std::nullopt;
  if (!absl::ConsumePrefix(&rest, "+message['content']+")) return std::nullopt;
  const auto after = TakeLiteral(&rest);
  if (!after || !absl::StrContains(*after, "[/INST]")) return std::nullopt;
  if (!absl::StartsWith(rest, "}}")) return std::nullopt;
  return Around{std::string(*before), std::string(*after)};
}

// {{'…'+message['content']|trim+eos_token+'…'}}, without some of it.
std::optional<Around> TakeAssistantTurn(absl::string_view rest) {
  Around turn;
  if (!absl::ConsumePrefix(&rest, "{{")) return std::nullopt;
  if (const auto before = TakeLiteral(&rest)) {
    turn.before = std::string(*before);
    if (!absl::ConsumePrefix(&rest, "+")) return std::nullopt;
  }
  if (!absl::ConsumePrefix(&rest, "message['content']")) return std::nullopt;
  turn.trim = absl::ConsumePrefix(&rest, "|trim");
  if (!absl::ConsumePrefix(&rest, "+eos_token")) return std::nullopt;
  if (absl::ConsumePrefix(&rest, "+")) {
    const auto after = TakeLiteral(&rest);
    if (!after) return std::nullopt;
    turn.after = std::string(*after);
  }
  if (!absl::StartsWith(rest, "}}")) return std::nullopt;
  return turn;
}

// The first place in the template where `take` finds its turn.
template <typename Take>
std::optional<Around> FindTurn(absl::string_view compact, Take take) {
  for (size_t at = compact.find("{{"); at != compact.npos; at = compact.find("{{", at + 1)) {
    if (auto turn = take(compact.substr(at))) return turn;
  }
  return std::nullopt;
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

bool ChatTemplate::RecogniseMistral(const std::string& compact) {
  const std::optional<Around> user = FindTurn(compact, TakeUserTurn);
  const std::optional<Around> assistant = FindTurn(compact, TakeAssistantTurn);
  if (!user || !assistant) return false;
  kind_ = Kind::kMistral;
  user_before_ = user->before;
  user_after_ = user->after;
  assistant_before_ = assistant->before;
  trim_assistant_ = assistant->trim;
  assistant_after_ = absl::StrCat(eos_, assistant->after);
  takes_system_ = absl::StrContains(compact, "+system_message+'\n\n'+message['content']");
  system_in_last_ = absl::StrContains(compact, "loop.lastandsystem_messageisdefined");
  end_of_turn_ = eos_;
  return true;
}

absl::Status ChatTemplate::Recognise() {
  const std::string compact = Compact(source_);
  const auto has = [&compact](absl::string_view part) { return absl::StrContains(compact, part); };
  if (has("{{bos_token}}")) prefix_ = bos_;
  if (has("'<|im_start|>'+message['role']+'\n'+message['content']+'<|im_end|>\n'")) {
    kind_ = Kind::kChatMl;
    end_of_turn_ = "<|im_end|>";
    generation_ = "<|im_start|>assistant\n";
    default_system_ = DefaultSystem(compact);
    return absl::OkStatus();
  }
  if (has("ns.last_query_index") && has("<think>") && has("<|im_start|>")) {
    kind_ = Kind::kQwen3;
    end_of_turn_ = "<|im_end|>";
    generation_ = "<|im_start|>assistant\n";
    return absl::OkStatus();
  }
  if (has("'<|start_header_id|>'+message['role']+'<|end_header_id|>\n\n'+message['content']|trim+"
          "'<|eot_id|>'")) {
    kind_ = Kind::kLlama3;
    prefix_ = bos_;
    end_of_turn_ = "<|eot_id|>";
    generation_ = "<|start_header_id|>assistant<|end_header_id|>\n\n";
    dated_ = has("Cutting Knowledge Date: December 2023");
    return absl::OkStatus();
  }
  if (has("[INST]") && RecogniseMistral(compact)) return absl::OkStatus();
  if (has("'<|user|>\n'+message['content']+'<|end|>\n'") &&
      has("'<|assistant|>\n'+message['content']+'<|end|>\n'")) {
    kind_ = Kind::kPhi3;
    end_of_turn_ = "<|end|>";
    generation_ = "<|assistant|>\n";
    takes_system_ = has("'<|system|>\n'+message['content']+'<|end|>\n'");
    skips_empty_system_ = has("message['role']=='system'andmessage['content']");
    eos_without_generation_ = has("{%else%}{{eos_token}}{%endif%}");
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      "the chat template is none of the known families (ChatML, Qwen3, Llama 3, Mistral, Phi-3): "
      "give prompts as text or ids instead of messages, or put a known template into the model's "
      "chat_template.jinja");
}

absl::StatusOr<ChatTemplate> ChatTemplate::FromSource(absl::string_view source,
                                                      absl::string_view bos,
                                                      absl::string_view eos) {
  ChatTemplate out;
  out.source_ = std::string(source);
  out.bos_ = std::string(bos);
  out.eos_ = std::string(eos);
  FOUNDRY_RETURN_IF_ERROR(out.Recognise());
  return out;
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
