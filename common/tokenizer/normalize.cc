#include "common/tokenizer/normalize.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace {

bool IsCjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

std::string StripAccents(absl::string_view text, bool decompose) {
  const std::string source =
      decompose ? NormalizeUnicode(text, NormalForm::kNfd) : std::string(text);
  std::string out;
  for (size_t i = 0; i < source.size();) {
    const size_t begin = i;
    const char32_t c = NextCodePoint(source, &i);
    if (!IsNonspacingMark(c)) out.append(source, begin, i - begin);
  }
  return out;
}

struct BertOptions {
  bool clean_text = true, handle_chinese_chars = true, strip_accents = true, lowercase = true;
};

std::string BertNormalize(absl::string_view text, const BertOptions& options) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char32_t c = NextCodePoint(text, &i);
    if (options.clean_text) {
      const bool blank = c == '\t' || c == '\n' || c == '\r';
      if (c == 0 || c == kReplacement || (!blank && IsControl(c))) continue;
      if (blank || IsWhitespace(c)) {
        out.push_back(' ');
        continue;
      }
    }
    const bool apart = options.handle_chinese_chars && IsCjk(c);
    if (apart) out.push_back(' ');
    absl::StrAppend(&out, text.substr(begin, i - begin));
    if (apart) out.push_back(' ');
  }
  if (options.strip_accents) out = StripAccents(out, true);
  return options.lowercase ? LowercaseEach(out) : out;
}

absl::StatusOr<Normalizer> MakeBert(const Json& json) {
  BertOptions options;
  FOUNDRY_ASSIGN_OR_RETURN(options.clean_text, JsonBool(json, "clean_text", true));
  FOUNDRY_ASSIGN_OR_RETURN(options.handle_chinese_chars,
                           JsonBool(json, "handle_chinese_chars", true));
  FOUNDRY_ASSIGN_OR_RETURN(options.lowercase, JsonBool(json, "lowercase", true));
  options.strip_accents = options.lowercase;  // what null means
  if (json.contains("strip_accents") && json["strip_accents"].is_boolean()) {
    options.strip_accents = json["strip_accents"].get<bool>();
  }
  return Normalizer([options](absl::string_view text) { return BertNormalize(text, options); });
}

absl::StatusOr<Normalizer> MakeReplace(const Json& json) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string content, JsonString(json, "content"));
  const Json& pattern = json.contains("pattern") ? json["pattern"] : Json();
  if (!pattern.is_object() || !pattern.contains("String") || !pattern["String"].is_string() ||
      pattern["String"].get<std::string>().empty()) {
    return absl::UnimplementedError("normalizer Replace is supported with a String pattern only");
  }
  const auto from = pattern["String"].get<std::string>();
  return Normalizer([from, content](absl::string_view text) {
    return absl::StrReplaceAll(text, {{from, content}});
  });
}

absl::StatusOr<Normalizer> MakeSequence(const Json& json) {
  if (!json.contains("normalizers") || !json["normalizers"].is_array()) {
    return absl::InvalidArgumentError("normalizer Sequence has no list 'normalizers'");
  }
  std::vector<Normalizer> steps;
  for (const Json& step : json["normalizers"]) {
    FOUNDRY_ASSIGN_OR_RETURN(Normalizer normalizer, MakeNormalizer(step));
    if (normalizer) steps.push_back(std::move(normalizer));
  }
  if (steps.empty()) return Normalizer();
  return Normalizer([steps](absl::string_view text) {
    std::string out(text);
    for (const Normalizer& step : steps) out = step(out);
    return out;
  });
}

Normalizer Form(NormalForm form) {
  return [form](absl::string_view text) { return NormalizeUnicode(text, form); };
}

}  // namespace

absl::StatusOr<Normalizer> MakeNormalizer(const Json& json) {
  if (json.is_null()) return Normalizer();
  FOUNDRY_ASSIGN_OR_RETURN(std::string type, JsonString(json, "type"));
  if (type == "BertNormalizer") return MakeBert(json);
  if (type == "Sequence") return MakeSequence(json);
  if (type == "Replace") return MakeReplace(json);
  if (type == "NFC") return Form(NormalForm::kNfc);
  if (type == "NFD") return Form(NormalForm::kNfd);
  if (type == "NFKC") return Form(NormalForm::kNfkc);
  if (type == "NFKD") return Form(NormalForm::kNfkd);
  if (type == "Lowercase") return Normalizer(LowercaseEach);
  if (type == "StripAccents") {
    return Normalizer([](absl::string_view text) { return StripAccents(text, false); });
  }
  if (type == "Prepend") {
    FOUNDRY_ASSIGN_OR_RETURN(std::string prefix, JsonString(json, "prepend"));
    return Normalizer([prefix](absl::string_view text) {
      return text.empty() ? std::string() : absl::StrCat(prefix, text);
    });
  }
  return absl::UnimplementedError(absl::StrCat("normalizer type '", type, "' is not supported"));
}

}  // namespace foundry::tokenizer
