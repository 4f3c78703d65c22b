#include "common/tokenizer/decode.h"

#include <charconv>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace {

using Tokens = std::vector<std::string>;
using Step = std::function<Tokens(Tokens)>;

template <typename Change>
Step ForEach(Change change) {
  return [change](Tokens tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) change(i, &tokens[i]);
    return tokens;
  };
}

// Byte that a token such as <0x0A> stands for, or -1.
int ByteToken(absl::string_view token) {
  if (token.size() != 6 || !absl::StartsWith(token, "<0x") || token[5] != '>') return -1;
  int value = -1;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  return error == std::errc() && end == token.data() + 5 ? value : -1;
}

Tokens ByteFallback(Tokens tokens) {
  Tokens out;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (IsValidUtf8(bytes)) {
      out.push_back(bytes);
    } else {
      out.insert(out.end(), bytes.size(), "\uFFFD");
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const int byte = ByteToken(token); byte >= 0) {
      bytes.push_back(static_cast<char>(byte));
    } else {
      flush();
      out.push_back(std::move(token));
    }
  }
  flush();
  return out;
}

std::string CleanUp(absl::string_view text) {
  // In this order, as the tokenizers library's WordPiece decoder does it.
  static constexpr std::pair<absl::string_view, absl::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  std::string out(text);
  for (const auto& rule : kRules) out = absl::StrReplaceAll(out, {rule});
  return out;
}

absl::StatusOr<Step> MakeWordPieceStep(const Json& json) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string prefix, JsonString(json, "prefix", "##"));
  FOUNDRY_ASSIGN_OR_RETURN(bool cleanup, JsonBool(json, "cleanup", true));
  return ForEach([prefix, cleanup](size_t i, std::string* token) {
    if (i > 0) {
      *token = absl::StartsWith(*token, prefix) ? token->substr(prefix.size())
                                                : absl::StrCat(" ", *token);
    }
    if (cleanup) *token = CleanUp(*token);
  });
}

absl::StatusOr<Step> MakeStrip(const Json& json) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string content, JsonString(json, "content", " "));
  FOUNDRY_ASSIGN_OR_RETURN(int64_t start, JsonInt(json, "start", 0));
  FOUNDRY_ASSIGN_OR_RETURN(int64_t stop, JsonInt(json, "stop", 0));
  return ForEach([content, start, stop](size_t, std::string* token) {
    absl::string_view rest = *token;
    for (int64_t i = 0; i < start && absl::ConsumePrefix(&rest, content); ++i) {
    }
    for (int64_t i = 0; i < stop && absl::ConsumeSuffix(&rest, content); ++i) {
    }
    *token = std::string(rest);
  });
}

absl::StatusOr<Step> MakeMetaspace(const Json& json) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string mark, JsonString(json, "replacement", "\u2581"));
  FOUNDRY_ASSIGN_OR_RETURN(bool old_prefix, JsonBool(json, "add_prefix_space", true));
  FOUNDRY_ASSIGN_OR_RETURN(std::string scheme,
                           JsonString(json, "prepend_scheme", old_prefix ? "always" : "never"));
  return ForEach([mark, scheme](size_t i, std::string* token) {
    absl::string_view rest = *token;
    if (i == 0 && scheme != "never") absl::ConsumePrefix(&rest, mark);
    *token = absl::StrReplaceAll(rest, {{mark, " "}});
  });
}

absl::StatusOr<Step> MakeStep(const Json& json) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string type, JsonString(json, "type"));
  if (type == "ByteLevel") {
    return ForEach([](size_t, std::string* token) { *token = BytesOfToken(*token); });
  }
  if (type == "WordPiece") return MakeWordPieceStep(json);
  if (type == "ByteFallback") return Step(ByteFallback);
  if (type == "Fuse") return Step([](Tokens tokens) { return Tokens{absl::StrJoin(tokens, "")}; });
  if (type == "Strip") return MakeStrip(json);
  if (type == "Metaspace") return MakeMetaspace(json);
  if (type == "Replace") {
    FOUNDRY_ASSIGN_OR_RETURN(std::string content, JsonString(json, "content"));
    const Json& pattern = json.contains("pattern") ? json["pattern"] : Json();
    if (!pattern.is_object() || !pattern.contains("String") || !pattern["String"].is_string()) {
      return absl::UnimplementedError("decoder Replace is supported with a String pattern only");
    }
    const auto from = pattern["String"].get<std::string>();
    return ForEach([from, content](size_t, std::string* token) {
      *token = absl::StrReplaceAll(*token, {{from, content}});
    });
  }
  if (type == "Sequence") {
    if (!json.contains("decoders") || !json["decoders"].is_array()) {
      return absl::InvalidArgumentError("decoder Sequence has no list 'decoders'");
    }
    std::vector<Step> steps;
    for (const Json& item : json["decoders"]) {
      FOUNDRY_ASSIGN_OR_RETURN(Step step, MakeStep(item));
      steps.push_back(std::move(step));
    }
    return Step([steps](Tokens tokens) {
      for (const Step& step : steps) tokens = step(std::move(tokens));
      return tokens;
    });
  }
  return absl::UnimplementedError(absl::StrCat("decoder type '", type, "' is not supported"));
}

}  // namespace

absl::StatusOr<Decoder> MakeDecoder(const Json& json) {
  if (json.is_null()) {
    return Decoder([](Tokens tokens) { return absl::StrJoin(tokens, " "); });
  }
  FOUNDRY_ASSIGN_OR_RETURN(Step step, MakeStep(json));
  return Decoder([step](Tokens tokens) { return absl::StrJoin(step(std::move(tokens)), ""); });
}

}  // namespace foundry::tokenizer
