// Reading the description of a FastTokenizer.
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/tokenizer/fast_tokenizer.h"

namespace foundry::tokenizer {
namespace {

const Json& Member(const Json& object, const char* key) {
  static const Json* const kNull = new Json();
  return object.is_object() && object.contains(key) ? object[key] : *kNull;
}

// A token of tokenizer_config.json: its text, or {"content": text}.
std::string ConfigToken(const Json& config, const char* key) {
  const Json& value = Member(config, key);
  const Json& text = value.is_object() ? Member(value, "content") : value;
  return text.is_string() ? text.get<std::string>() : std::string();
}

}  // namespace

absl::Status FastTokenizer::ReadModel(const Json& tokenizer) {
  const Json& model = Member(tokenizer, "model");
  FOUNDRY_ASSIGN_OR_RETURN(tokens_, ReadVocabulary(model));
  std::string type;
  if (model.contains("type")) {
    FOUNDRY_ASSIGN_OR_RETURN(type, JsonString(model, "type"));
  } else {  // files of before 2020
    type = model.contains("merges") ? "BPE" : "WordPiece";
  }
  if (type == "BPE") {
    FOUNDRY_ASSIGN_OR_RETURN(model_, MakeBpe(model, tokens_, pre_tokenizer_.byte_level));
  } else if (type == "WordPiece") {
    FOUNDRY_ASSIGN_OR_RETURN(model_, MakeWordPiece(model, tokens_));
  } else {
    return absl::UnimplementedError(absl::StrCat(
        "model type '", type, "' is not supported: BPE and WordPiece vocabularies are"));
  }
  return absl::OkStatus();
}

// Models look up what comes out without asking again.
absl::Status FastTokenizer::AddAround(const Json& id, absl::string_view name,
                                      std::vector<int32_t>* side) const {
  if (!id.is_number_integer() || id < Json(0) || id >= Json(tokens_.size())) {
    return absl::InvalidArgumentError(absl::StrCat("post_processor: the id ", DumpJson(id), " of '",
                                                   name, "' is none of the vocabulary's"));
  }
  side->push_back(id.get<int32_t>());
  return absl::OkStatus();
}

absl::Status FastTokenizer::ReadTemplate(const Json& json) {
  if (!Member(json, "single").is_array()) {
    return absl::InvalidArgumentError("post_processor TemplateProcessing has no list 'single'");
  }
  std::vector<int32_t>* side = &before_;
  for (const Json& item : json["single"]) {
    if (item.contains("Sequence")) {
      side = &after_;
      continue;
    }
    FOUNDRY_ASSIGN_OR_RETURN(std::string name, JsonString(Member(item, "SpecialToken"), "id"));
    const Json& ids = Member(Member(Member(json, "special_tokens"), name.c_str()), "ids");
    if (!ids.is_array()) {
      return absl::InvalidArgumentError(
          absl::StrCat("post_processor: no ids for the special token '", name, "'"));
    }
    for (const Json& id : ids) {
      FOUNDRY_RETURN_IF_ERROR(AddAround(id, name, side));
    }
  }
  return absl::OkStatus();
}

absl::Status FastTokenizer::ReadPostProcessor(const Json& json) {
  if (json.is_null()) return absl::OkStatus();
  FOUNDRY_ASSIGN_OR_RETURN(std::string type, JsonString(json, "type"));
  if (type == "ByteLevel") return absl::OkStatus();  // it only moves offsets
  if (type == "TemplateProcessing") return ReadTemplate(json);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    for (const auto& [key, side] : {std::pair("cls", &before_), std::pair("sep", &after_)}) {
      const Json& pair = Member(json, key);
      if (!pair.is_array() || pair.size() != 2 || !pair[1].is_number_integer()) {
        return absl::InvalidArgumentError(
            absl::StrCat("post_processor ", type, ": '", key, "' is no [token, id]"));
      }
      FOUNDRY_RETURN_IF_ERROR(AddAround(pair[1], key, side));
    }
    return absl::OkStatus();
  }
  if (type == "Sequence" && Member(json, "processors").is_array()) {
    for (const Json& step : json["processors"]) FOUNDRY_RETURN_IF_ERROR(ReadPostProcessor(step));
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat("post_processor type '", type, "' is not supported"));
}

absl::Status FastTokenizer::ReadConfig(const Json& config) {
  const struct {
    const char* key;
    std::optional<int32_t>* id;
  } kTokens[] = {{"bos_token", &bos_}, {"eos_token", &eos_}, {"pad_token", &pad_}};
  for (const auto& [key, id] : kTokens) {
    const std::string text = ConfigToken(config, key);
    if (text.empty()) continue;
    *id = TokenId(text);
    if (!id->has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tokenizer_config.json: ", key, " '", text, "' is not in the vocabulary"));
    }
  }
  return absl::OkStatus();
}

std::string FastTokenizer::Fingerprint(const Json& tokenizer) const {
  Sha256 hash;
  const auto add = [&hash](absl::string_view text) {
    hash.Update(absl::StrCat(text.size(), ":"));
    hash.Update(text);
  };
  for (const std::string& token : tokens_) add(token);
  const Json& model = Member(tokenizer, "model");
  // Checked by the model that has any; others pass over them.
  for (const Json& merge : Member(model, "merges")) {
    if (merge.is_string()) {
      add(merge.get_ref<const std::string&>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      add(absl::StrCat(merge[0].get_ref<const std::string&>(), " ",
                       merge[1].get_ref<const std::string&>()));
    } else {
      add(DumpJson(merge));
    }
  }
  for (const AddedToken& token : added_) {
    add(absl::StrCat(token.id, token.special, token.single_word, token.lstrip, token.rstrip,
                     token.normalized, token.content));
  }
  for (const char* key : {"ignore_merges", "byte_fallback"}) {
    add(Member(model, key) == Json(true) ? "1" : "0");
  }
  add(DumpJson(Member(tokenizer, "normalizer")));
  add(DumpJson(Member(tokenizer, "pre_tokenizer")));
  return hash.FinishHex();
}

absl::Status FastTokenizer::Init(const Json& tokenizer, const Json& config) {
  if (!tokenizer.is_object()) return absl::InvalidArgumentError("not a JSON object");
  FOUNDRY_ASSIGN_OR_RETURN(normalizer_, MakeNormalizer(Member(tokenizer, "normalizer")));
  FOUNDRY_ASSIGN_OR_RETURN(pre_tokenizer_, MakePreTokenizer(Member(tokenizer, "pre_tokenizer")));
  FOUNDRY_ASSIGN_OR_RETURN(decoder_, MakeDecoder(Member(tokenizer, "decoder")));
  FOUNDRY_RETURN_IF_ERROR(ReadModel(tokenizer));
  FOUNDRY_ASSIGN_OR_RETURN(added_, ReadAddedTokens(Member(tokenizer, "added_tokens")));
  for (const AddedToken& token : added_) {
    const auto id = static_cast<size_t>(token.id);
    if (id > tokens_.size() + 65536) {
      return absl::InvalidArgumentError(
          absl::StrCat("added_tokens: '", token.content, "' has the impossible id ", id));
    }
    if (id >= tokens_.size()) tokens_.resize(id + 1);
    tokens_[id] = token.content;
    special_.resize(tokens_.size());
    special_[id] = token.special;
    if (!token.normalized) {
      raw_.Add(token);
      continue;
    }
    AddedToken found = token;  // in a text that is normalised already
    if (normalizer_) found.content = normalizer_(token.content);
    if (!found.content.empty()) normalized_.Add(found);
  }
  special_.resize(tokens_.size());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (!tokens_[i].empty()) ids_.emplace(tokens_[i], static_cast<int32_t>(i));
  }
  FOUNDRY_RETURN_IF_ERROR(ReadPostProcessor(Member(tokenizer, "post_processor")));
  FOUNDRY_RETURN_IF_ERROR(ReadConfig(config));
  fingerprint_ = Fingerprint(tokenizer);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Tokenizer>> FastTokenizer::Make(const Json& tokenizer,
                                                                     const Json& config,
                                                                     TokenizerFiles files) {
  auto out = std::make_shared<FastTokenizer>();
  FOUNDRY_RETURN_IF_ERROR(out->Init(tokenizer, config));
  out->files_ = std::move(files);
  return out;
}

}  // namespace foundry::tokenizer
