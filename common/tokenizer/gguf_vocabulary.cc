#include "common/tokenizer/gguf_vocabulary.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/gguf_sentencepiece.h"
#include "common/tokenizer/regex_split.h"

namespace foundry::tokenizer {
namespace {

// tokenizer.ggml.token_type
constexpr int64_t kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5;

Json ByteLevel(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json Sequence(std::vector<Json> steps) {
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

Json SplitBy(const char* pattern) {
  return Sequence({{{"type", "Split"},
                    {"pattern", {{"Regex", pattern}}},
                    {"behavior", "Isolated"},
                    {"invert", false}},
                   ByteLevel(false)});
}

struct Pre {
  Json pre_tokenizer;
  Json normalizer;             // null: none
  bool ignore_merges = false;  // a word that is a token is that token
  bool add_bos = false;        // where the file doesn't say
};

// The names that llama.cpp's converter writes as tokenizer.ggml.pre.
absl::StatusOr<Pre> PreOf(absl::string_view name) {
  if (name == "gpt-2" || name == "gpt2" || name == "default") return Pre{ByteLevel(true)};
  if (name == "smollm") {
    return Pre{Sequence({{{"type", "Digits"}, {"individual_digits", true}}, ByteLevel(true)})};
  }
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") {
    return Pre{SplitBy(kLlama3Pattern), Json(), true, true};
  }
  if (name == "qwen2" || name == "deepseek-r1-qwen") {
    return Pre{SplitBy(kQwen2Pattern), {{"type", "NFC"}}};
  }
  return absl::UnimplementedError(
      absl::StrCat("tokenizer.ggml.pre '", name,
                   "' is not supported (gpt-2, smollm, llama-bpe and qwen2 are): load the model "
                   "from its Hugging Face folder"));
}

Json AddedToken(int64_t id, const std::string& content, bool special) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

absl::StatusOr<Json> ReadMerges(const lm::Gguf& gguf) {
  FOUNDRY_ASSIGN_OR_RETURN(const auto* merges, gguf.Strings("tokenizer.ggml.merges"));
  if (merges == nullptr) {
    return absl::NotFoundError("no vocabulary: tokenizer.ggml.merges is missing");
  }
  Json pairs = Json::array();
  for (const std::string& merge : *merges) {
    const size_t space = merge.find(' ', 1);  // a part may itself begin with a space
    if (space == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("tokenizer.ggml.merges: '", merge, "' is no pair"));
    }
    pairs.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  return pairs;
}

absl::Status CheckLength(const char* key, size_t entries, size_t tokens) {
  if (entries == tokens) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(key, " has ", entries, " entries for ", tokens, " tokens"));
}

absl::Status ReadTokens(const lm::Gguf& gguf, Json* tokenizer) {
  FOUNDRY_ASSIGN_OR_RETURN(const auto* tokens, gguf.Strings("tokenizer.ggml.tokens"));
  FOUNDRY_ASSIGN_OR_RETURN(const auto* types, gguf.Ints("tokenizer.ggml.token_type"));
  if (tokens == nullptr) {
    return absl::NotFoundError("no vocabulary: tokenizer.ggml.tokens is missing");
  }
  if (types != nullptr) {
    FOUNDRY_RETURN_IF_ERROR(
        CheckLength("tokenizer.ggml.token_type", types->size(), tokens->size()));
  }
  Json vocab = Json::object(), added = Json::array();
  for (size_t i = 0; i < tokens->size(); ++i) {
    const int64_t type = types == nullptr ? 1 : (*types)[i];
    const std::string& token = (*tokens)[i];
    if (type == kUnused) continue;
    if (!vocab.emplace(token, i).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tokenizer.ggml.tokens[", i, "]: '", token, "' is there twice"));
    }
    if (type == kUnknown || type == kControl || type == kUserDefined) {
      added.push_back(AddedToken(static_cast<int64_t>(i), token, type != kUserDefined));
    }
  }
  (*tokenizer)["added_tokens"] = std::move(added);
  (*tokenizer)["model"]["vocab"] = std::move(vocab);
  return absl::OkStatus();
}

// Around a text: BOS and EOS where the file asks for them.
absl::StatusOr<Json> PostProcessor(const lm::Gguf& gguf, const Json& config, bool default_bos) {
  FOUNDRY_ASSIGN_OR_RETURN(bool bos, gguf.Bool("tokenizer.ggml.add_bos_token", default_bos));
  FOUNDRY_ASSIGN_OR_RETURN(bool eos, gguf.Bool("tokenizer.ggml.add_eos_token", false));
  Json single = Json::array(), tokens = Json::object();
  const auto add = [&](const char* role, const char* key) -> absl::Status {
    if (!config.contains(role)) return absl::OkStatus();
    FOUNDRY_ASSIGN_OR_RETURN(int64_t id, gguf.Int(key));
    const Json& name = config[role];
    single.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
    tokens[name.get<std::string>()] = {
        {"id", name}, {"ids", Json::array({id})}, {"tokens", Json::array({name})}};
    return absl::OkStatus();
  };
  if (bos) FOUNDRY_RETURN_IF_ERROR(add("bos_token", "tokenizer.ggml.bos_token_id"));
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  if (eos) FOUNDRY_RETURN_IF_ERROR(add("eos_token", "tokenizer.ggml.eos_token_id"));
  if (tokens.empty()) return Json();
  Json pair = single;
  for (Json item : single) {
    auto& part = item.begin().value();
    part["type_id"] = 1;
    if (item.contains("Sequence")) part["id"] = "B";
    pair.push_back(std::move(item));
  }
  return Json{{"type", "TemplateProcessing"},
              {"single", std::move(single)},
              {"pair", std::move(pair)},
              {"special_tokens", std::move(tokens)}};
}

absl::StatusOr<Json> Config(const lm::Gguf& gguf) {
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"clean_up_tokenization_spaces", false}};
  const std::pair<const char*, const char*> kRoles[] = {
      {"bos_token", "tokenizer.ggml.bos_token_id"},
      {"eos_token", "tokenizer.ggml.eos_token_id"},
      {"unk_token", "tokenizer.ggml.unknown_token_id"},
      {"pad_token", "tokenizer.ggml.padding_token_id"}};
  FOUNDRY_ASSIGN_OR_RETURN(const auto* tokens, gguf.Strings("tokenizer.ggml.tokens"));
  for (const auto& [role, key] : kRoles) {
    FOUNDRY_ASSIGN_OR_RETURN(int64_t id, gguf.Int(key, -1));
    if (id == -1 || tokens == nullptr) continue;
    if (id < 0 || id >= static_cast<int64_t>(tokens->size())) {
      return absl::InvalidArgumentError(
          absl::StrCat(key, " = ", id, " is outside the vocabulary of ", tokens->size()));
    }
    config[role] = (*tokens)[id];
  }
  FOUNDRY_ASSIGN_OR_RETURN(std::string architecture, gguf.String("general.architecture", ""));
  FOUNDRY_ASSIGN_OR_RETURN(int64_t context,
                           gguf.Int(absl::StrCat(architecture, ".context_length"), 0));
  if (context > 0) config["model_max_length"] = context;
  FOUNDRY_ASSIGN_OR_RETURN(std::string chat, gguf.String("tokenizer.chat_template", ""));
  if (!chat.empty()) config["chat_template"] = chat;
  return config;
}

absl::Status DescribeByteLevel(const lm::Gguf& gguf, Json* tokenizer, bool* add_bos) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string name, gguf.String("tokenizer.ggml.pre", "default"));
  FOUNDRY_ASSIGN_OR_RETURN(Pre pre, PreOf(name));
  (*tokenizer)["normalizer"] = pre.normalizer;
  (*tokenizer)["pre_tokenizer"] = pre.pre_tokenizer;
  (*tokenizer)["decoder"] = ByteLevel(true);
  (*tokenizer)["model"]["ignore_merges"] = pre.ignore_merges;
  FOUNDRY_ASSIGN_OR_RETURN((*tokenizer)["model"]["merges"], ReadMerges(gguf));
  *add_bos = pre.add_bos;
  return absl::OkStatus();
}

absl::Status DescribeScored(const lm::Gguf& gguf, const Json& config, Json* tokenizer) {
  FOUNDRY_ASSIGN_OR_RETURN(const auto* tokens, gguf.Strings("tokenizer.ggml.tokens"));
  FOUNDRY_ASSIGN_OR_RETURN(const auto* scores, gguf.Doubles("tokenizer.ggml.scores"));
  if (tokens == nullptr || scores == nullptr) {
    return absl::NotFoundError(
        "no vocabulary: tokenizer.ggml.tokens or tokenizer.ggml.scores is missing");
  }
  FOUNDRY_RETURN_IF_ERROR(CheckLength("tokenizer.ggml.scores", scores->size(), tokens->size()));
  FOUNDRY_ASSIGN_OR_RETURN(bool prefix, gguf.Bool("tokenizer.ggml.add_space_prefix", true));
  DescribeSentencePiece(prefix,
                        config.contains("unk_token") ? config["unk_token"].get<std::string>() : "",
                        tokenizer);
  (*tokenizer)["model"]["merges"] = MergesFromScores(*tokens, *scores);
  return absl::OkStatus();
}

absl::StatusOr<HuggingFaceTokenizer> Describe(const lm::Gguf& gguf) {
  HuggingFaceTokenizer out;
  FOUNDRY_ASSIGN_OR_RETURN(out.config, Config(gguf));
  out.tokenizer = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  out.tokenizer["model"] = {{"type", "BPE"},
                            {"dropout", nullptr},
                            {"unk_token", nullptr},
                            {"continuing_subword_prefix", nullptr},
                            {"end_of_word_suffix", nullptr},
                            {"fuse_unk", false},
                            {"byte_fallback", false}};
  FOUNDRY_ASSIGN_OR_RETURN(std::string model, gguf.String("tokenizer.ggml.model"));
  bool add_bos = true;
  if (model == "gpt2") {
    FOUNDRY_RETURN_IF_ERROR(DescribeByteLevel(gguf, &out.tokenizer, &add_bos));
  } else if (model == "llama") {
    FOUNDRY_RETURN_IF_ERROR(DescribeScored(gguf, out.config, &out.tokenizer));
  } else {
    return absl::UnimplementedError(absl::StrCat(
        "tokenizer.ggml.model '", model,
        "' is not supported (gpt2 and llama are): load the model from its Hugging Face folder"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(out.tokenizer["post_processor"],
                           PostProcessor(gguf, out.config, add_bos));
  FOUNDRY_RETURN_IF_ERROR(ReadTokens(gguf, &out.tokenizer));
  return out;
}

}  // namespace

absl::StatusOr<HuggingFaceTokenizer> DescribeVocabulary(const lm::Gguf& gguf) {
  absl::StatusOr<HuggingFaceTokenizer> out = Describe(gguf);
  if (!out.ok()) return Annotate(out.status(), gguf.path().string());
  return out;
}

}  // namespace foundry::tokenizer
