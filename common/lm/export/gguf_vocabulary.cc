#include "common/lm/export/gguf_vocabulary.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/export/gguf_metadata.h"
#include "common/tokenizer/regex_split.h"
#include "common/tokenizer/tokenizer.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

// tokenizer.ggml.token_type
enum TokenType : int64_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

absl::Status Unsupported(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat(what, " has no counterpart in GGUF that is known"));
}

// Members that may be missing or of another type.
std::string Text(const Json& object, const char* key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}
bool Flag(const Json& object, const char* key, bool fallback) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return it != object.end() && it->is_boolean() ? it->get<bool>() : fallback;
}
const Json& List(const Json& object, const char* key) {
  static const Json kEmpty = Json::array();
  const auto it = object.is_object() ? object.find(key) : object.end();
  return it != object.end() && it->is_array() ? *it : kEmpty;
}

bool IsByteLevel(const Json& step, bool use_regex) {
  return Text(step, "type") == "ByteLevel" && !Flag(step, "add_prefix_space", true) &&
         Flag(step, "use_regex", true) == use_regex;
}

bool IsSplit(const Json& step, const char* pattern) {
  return Text(step, "type") == "Split" && Text(step, "behavior") == "Isolated" &&
         !Flag(step, "invert", false) && step.contains("pattern") &&
         Text(step["pattern"], "Regex") == pattern;
}

// The name that llama.cpp has for a pre-tokenizer.
absl::StatusOr<std::string> PreName(const Json& pre) {
  const Json alone = Json::array({pre});
  const Json& steps = Text(pre, "type") == "Sequence" ? List(pre, "pretokenizers") : alone;
  if (steps.size() == 1 && IsByteLevel(steps[0], true)) return "gpt-2";
  if (steps.size() == 2) {
    if (Text(steps[0], "type") == "Digits" && Flag(steps[0], "individual_digits", false) &&
        IsByteLevel(steps[1], true)) {
      return "smollm";
    }
    if (IsByteLevel(steps[1], false)) {
      if (IsSplit(steps[0], tokenizer::kLlama3Pattern)) return "llama-bpe";
      if (IsSplit(steps[0], tokenizer::kQwen2Pattern)) return "qwen2";
    }
  }
  return Unsupported(absl::StrCat("the pre-tokenizer ", DumpJson(pre).substr(0, 200)));
}

struct Vocabulary {
  std::vector<std::string> tokens;
  std::vector<int64_t> types;

  absl::Status Put(const std::string& token, const Json& id, TokenType type) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= tokens.size()) {
      return absl::InvalidArgumentError(absl::StrCat("the token '", token, "' has the id ",
                                                     DumpJson(id), ", but the model embeds ",
                                                     tokens.size()));
    }
    tokens[id.get<size_t>()] = token;
    types[id.get<size_t>()] = type;
    return absl::OkStatus();
  }
};

// llama.cpp takes tokens that look like markup as control tokens, marked special or not.
bool LooksSpecial(const std::string& token) {
  return absl::StartsWith(token, "<|") && absl::EndsWith(token, "|>");
}

absl::Status ReadTokens(const Json& json, Vocabulary* out) {
  for (size_t i = 0; i < out->tokens.size(); ++i) out->tokens[i] = absl::StrCat("[PAD", i, "]");
  const Json& model = json["model"];
  if (!model.contains("vocab") || !model["vocab"].is_object()) {
    return absl::InvalidArgumentError("model.vocab must be an object");
  }
  for (const auto& [token, id] : model["vocab"].items()) {
    FOUNDRY_RETURN_IF_ERROR(out->Put(token, id, kNormal));
  }
  for (const Json& added : List(json, "added_tokens")) {
    if (!added.is_object() || !added.contains("id") || !added.contains("content")) {
      return absl::InvalidArgumentError("added_tokens must hold objects with id and content");
    }
    FOUNDRY_ASSIGN_OR_RETURN(const std::string content, JsonString(added, "content"));
    FOUNDRY_ASSIGN_OR_RETURN(const bool special, JsonBool(added, "special", false));
    const bool control = special || LooksSpecial(content);
    FOUNDRY_RETURN_IF_ERROR(out->Put(content, added["id"], control ? kControl : kUserDefined));
  }
  return absl::OkStatus();
}

// "a b" of either spelling: a string or a pair.
absl::StatusOr<std::vector<std::string>> ReadMerges(const Json& model) {
  std::vector<std::string> out;
  for (const Json& merge : List(model, "merges")) {
    if (merge.is_string()) {
      out.push_back(merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      out.push_back(absl::StrCat(merge[0].get<std::string>(), " ", merge[1].get<std::string>()));
    } else {
      return absl::InvalidArgumentError("model.merges must hold pairs");
    }
  }
  return out;
}

// The ids that end and surround a text. The model's own list of end tokens rules; the tokenizer's
// choice comes first in it, because llama.cpp has one eos and one end of turn.
absl::Status AddSpecialIds(const tokenizer::Tokenizer& tokens, const ModelConfig& config,
                           GgufMetadata* out) {
  const auto put = [out](const char* key, int32_t id) {
    Set(absl::StrCat("tokenizer.ggml.", key, "_token_id"), GgufValue::Uint32(id), out);
  };
  std::vector<int32_t> ends = config.eos_ids;
  const std::optional<int32_t> own = tokens.eos_id();
  if (own.has_value()) {
    const auto it = std::find(ends.begin(), ends.end(), *own);
    if (it != ends.end()) std::rotate(ends.begin(), it, it + 1);
    if (ends.empty()) ends.push_back(*own);
  }
  if (ends.empty()) return absl::InvalidArgumentError("the model has no end token (eos_token_id)");
  put("eos", ends[0]);
  if (ends.size() > 1) put("eot", ends[1]);
  if (ends.size() > 2) put("eom", ends[2]);
  const std::optional<int32_t> bos = config.bos_id.has_value() ? config.bos_id : tokens.bos_id();
  if (bos.has_value()) put("bos", *bos);
  if (config.pad_id.has_value()) {
    put("padding", *config.pad_id);
  } else if (tokens.pad_id().has_value()) {
    put("padding", *tokens.pad_id());
  }
  const std::vector<int32_t> framed = tokens.Encode("a", {.add_special = true});
  const bool begins = !framed.empty() && bos.has_value() && framed.front() == *bos;
  const bool ends_so = framed.size() > 1 && framed.back() == ends[0];
  Set("tokenizer.ggml.add_bos_token", GgufValue::Bool(begins), out);
  Set("tokenizer.ggml.add_eos_token", GgufValue::Bool(ends_so), out);
  return absl::OkStatus();
}

// Byte-level BPE: llama.cpp's tokenizer model "gpt2".
absl::Status AddByteLevel(const Json& json, Vocabulary vocabulary, GgufMetadata* out) {
  FOUNDRY_ASSIGN_OR_RETURN(
      const std::string pre,
      PreName(json.contains("pre_tokenizer") ? json["pre_tokenizer"] : Json()));
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<std::string> merges, ReadMerges(json["model"]));
  Set("tokenizer.ggml.model", GgufValue::String("gpt2"), out);
  Set("tokenizer.ggml.pre", GgufValue::String(pre), out);
  Set("tokenizer.ggml.tokens", GgufValue::Strings(std::move(vocabulary.tokens)), out);
  Set("tokenizer.ggml.token_type", GgufValue::Int32s(std::move(vocabulary.types)), out);
  Set("tokenizer.ggml.merges", GgufValue::Strings(std::move(merges)), out);
  return absl::OkStatus();
}

// Whether a text gets a blank before it. Unimplemented for other steps than SentencePiece's.
absl::StatusOr<bool> SpacePrefix(const Json& json) {
  const Json normalizer = json.contains("normalizer") ? json["normalizer"] : Json();
  const Json pre = json.contains("pre_tokenizer") ? json["pre_tokenizer"] : Json();
  bool prefix = false;
  const Json alone = normalizer.is_null() ? Json::array() : Json::array({normalizer});
  for (const Json& step :
       Text(normalizer, "type") == "Sequence" ? List(normalizer, "normalizers") : alone) {
    const std::string type = Text(step, "type");
    if (type == "Prepend") {
      prefix = true;
    } else if (type != "Replace") {
      return Unsupported(absl::StrCat("the normalizer ", type));
    }
  }
  if (Text(pre, "type") == "Metaspace") {
    prefix = Text(pre, "prepend_scheme") != "never" && Flag(pre, "add_prefix_space", true);
  } else if (!pre.is_null()) {
    return Unsupported(absl::StrCat("the pre-tokenizer ", Text(pre, "type")));
  }
  return prefix;
}

// SentencePiece's BPE: llama.cpp's tokenizer model "llama", which merges by score: earlier merges
// make better tokens.
absl::Status AddSentencePiece(const Json& json, Vocabulary vocabulary, GgufMetadata* out) {
  FOUNDRY_ASSIGN_OR_RETURN(const bool prefix, SpacePrefix(json));
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<std::string> merges, ReadMerges(json["model"]));
  absl::flat_hash_map<std::string, size_t> ids;
  std::vector<double> scores(vocabulary.tokens.size(), 0.0);
  const std::string unknown = Text(json["model"], "unk_token");
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const std::string& token = vocabulary.tokens[i];
    ids[token] = i;
    if (token == unknown) {
      vocabulary.types[i] = kUnknown;
    } else if (token.size() == 6 && absl::StartsWith(token, "<0x") && token.back() == '>') {
      vocabulary.types[i] = kByte;
    } else {
      scores[i] = -static_cast<double>(merges.size() + 1);
    }
  }
  double next = 0;
  for (const std::string& merge : merges) {
    const size_t space = merge.find(' ');
    const auto it = ids.find(absl::StrCat(merge.substr(0, space), merge.substr(space + 1)));
    if (it == ids.end()) {
      return absl::InvalidArgumentError(absl::StrCat("the merge '", merge, "' makes no token"));
    }
    if (scores[it->second] < -static_cast<double>(merges.size())) scores[it->second] = next--;
  }
  Set("tokenizer.ggml.model", GgufValue::String("llama"), out);
  Set("tokenizer.ggml.pre", GgufValue::String("default"), out);
  Set("tokenizer.ggml.tokens", GgufValue::Strings(std::move(vocabulary.tokens)), out);
  Set("tokenizer.ggml.scores", GgufValue::Float32s(std::move(scores)), out);
  Set("tokenizer.ggml.token_type", GgufValue::Int32s(std::move(vocabulary.types)), out);
  Set("tokenizer.ggml.add_space_prefix", GgufValue::Bool(prefix), out);
  const auto it = ids.find(unknown);
  if (it != ids.end()) {
    Set("tokenizer.ggml.unknown_token_id", GgufValue::Uint32(static_cast<uint32_t>(it->second)),
        out);
  }
  return absl::OkStatus();
}

absl::Status AddVocabulary(const Json& json, const ModelConfig& config, GgufMetadata* out) {
  if (!json.is_object() || !json.contains("model") || !json["model"].is_object()) {
    return absl::InvalidArgumentError("no \"model\"");
  }
  const Json& model = json["model"];
  FOUNDRY_ASSIGN_OR_RETURN(const std::string type, JsonString(model, "type", "BPE"));
  FOUNDRY_ASSIGN_OR_RETURN(const bool fallback, JsonBool(model, "byte_fallback", false));
  if (type != "BPE") return Unsupported(absl::StrCat("the tokenizer model ", type));
  Vocabulary vocabulary;
  vocabulary.tokens.resize(config.vocab_size);
  vocabulary.types.assign(config.vocab_size, kUnused);
  FOUNDRY_RETURN_IF_ERROR(ReadTokens(json, &vocabulary));
  return fallback ? AddSentencePiece(json, std::move(vocabulary), out)
                  : AddByteLevel(json, std::move(vocabulary), out);
}

}  // namespace

absl::StatusOr<std::string> ChatTemplateSource(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "chat_template.jinja", error)) {
    return ReadFile(folder / "chat_template.jinja");
  }
  if (!fs::exists(folder / "tokenizer_config.json", error)) return "";
  FOUNDRY_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(folder / "tokenizer_config.json"));
  const auto it = config.is_object() ? config.find("chat_template") : config.end();
  if (it == config.end() || it->is_null()) return "";
  if (it->is_string()) return it->get<std::string>();
  if (it->is_array()) {
    for (const Json& item : *it) {
      if (Text(item, "name") == "default") return Text(item, "template");
    }
  }
  return absl::InvalidArgumentError(absl::StrCat((folder / "tokenizer_config.json").string(),
                                                 ": \"chat_template\" must be a string"));
}

absl::StatusOr<GgufMetadata> VocabularyMetadata(const fs::path& folder, const ModelConfig& config) {
  GgufMetadata out;
  const fs::path file = folder / "tokenizer.json";
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  FOUNDRY_ASSIGN_OR_RETURN(const auto tokens, tokenizer::Tokenizer::Load(folder));
  FOUNDRY_RETURN_IF_ERROR(Annotate(AddVocabulary(json, config, &out), file.string()));
  FOUNDRY_RETURN_IF_ERROR(Annotate(AddSpecialIds(*tokens, config, &out), folder.string()));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string chat, ChatTemplateSource(folder));
  if (!chat.empty()) Set("tokenizer.chat_template", GgufValue::String(chat), &out);
  return out;
}

}  // namespace foundry::lm
