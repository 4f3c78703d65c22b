#include "common/tokenizer/pretokenize.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"
#include "common/tokenizer/regex_split.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace {

enum class Behavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

absl::StatusOr<Behavior> ParseBehavior(absl::string_view name) {
  if (name == "Isolated") return Behavior::kIsolated;
  if (name == "Removed") return Behavior::kRemoved;
  if (name == "MergedWithPrevious") return Behavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behavior::kMergedWithNext;
  if (name == "Contiguous") return Behavior::kContiguous;
  return absl::UnimplementedError(absl::StrCat("split behavior '", name, "' is not supported"));
}

absl::string_view Join(absl::string_view a, absl::string_view b) {
  return absl::string_view(a.data(), a.size() + b.size());
}

// Spans cover the word without gaps, in order.
void Apply(Behavior behavior, const std::vector<Span>& spans, Words* out) {
  std::vector<absl::string_view>& views = out->views;
  bool joined = false, last_match = false, any = false;
  for (const Span& span : spans) {
    if (span.text.empty()) continue;
    bool join = false;
    if (any) {
      if (behavior == Behavior::kContiguous) join = span.match == last_match;
      if (behavior == Behavior::kMergedWithPrevious) join = span.match && !last_match;
      if (behavior == Behavior::kMergedWithNext) join = last_match && !span.match && !joined;
    }
    last_match = span.match;
    if (behavior == Behavior::kRemoved && span.match) continue;
    if (join) {
      views.back() = Join(views.back(), span.text);
    } else {
      views.push_back(span.text);
    }
    joined = join;
    any = true;
  }
}

using CharTest = bool (*)(char32_t);

// Cuts so that each character for which `test` holds is a match of its own.
PreTokenizerStep SplitChars(CharTest test, Behavior behavior) {
  return [test, behavior](absl::string_view word, bool, Words* out) {
    std::vector<Span> spans;
    size_t start = 0;
    for (size_t i = 0; i < word.size();) {
      const size_t begin = i;
      if (!test(NextCodePoint(word, &i))) continue;
      if (begin > start) spans.push_back({word.substr(start, begin - start), false});
      spans.push_back({word.substr(begin, i - begin), true});
      start = i;
    }
    if (start < word.size()) spans.push_back({word.substr(start), false});
    Apply(behavior, spans, out);
  };
}

bool IsBertPunctuation(char32_t c) {
  if (c < 0x80) {
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
           (c >= 123 && c <= 126);
  }
  return IsPunctuation(c);
}

PreTokenizerStep RegexStep(RegexSplitter splitter, Behavior behavior, bool invert) {
  return
      [splitter = std::move(splitter), behavior, invert](absl::string_view word, bool, Words* out) {
        std::vector<Span> spans;
        splitter(word, &spans);
        if (invert) {
          for (Span& span : spans) span.match = !span.match;
        }
        Apply(behavior, spans, out);
      };
}

PreTokenizerStep LiteralStep(std::string literal, Behavior behavior, bool invert) {
  return RegexStep(
      [literal = std::move(literal)](absl::string_view text, std::vector<Span>* out) {
        size_t done = 0;
        for (size_t at; (at = text.find(literal, done)) != absl::string_view::npos;) {
          out->push_back({text.substr(done, at - done), false});
          out->push_back({text.substr(at, literal.size()), true});
          done = at + literal.size();
        }
        out->push_back({text.substr(done), false});
      },
      behavior, invert);
}

absl::Status AddSplit(const Json& json, PreTokenizer* out) {
  FOUNDRY_ASSIGN_OR_RETURN(bool invert, JsonBool(json, "invert", false));
  FOUNDRY_ASSIGN_OR_RETURN(std::string name, JsonString(json, "behavior", "Isolated"));
  FOUNDRY_ASSIGN_OR_RETURN(Behavior behavior, ParseBehavior(name));
  const Json& pattern = json.contains("pattern") ? json["pattern"] : Json();
  if (pattern.is_object() && pattern.contains("Regex") && pattern["Regex"].is_string()) {
    FOUNDRY_ASSIGN_OR_RETURN(RegexSplitter splitter,
                             MakeRegexSplitter(pattern["Regex"].get<std::string>()));
    out->steps.push_back(RegexStep(std::move(splitter), behavior, invert));
    return absl::OkStatus();
  }
  if (pattern.is_object() && pattern.contains("String") && pattern["String"].is_string() &&
      !pattern["String"].get<std::string>().empty()) {
    out->steps.push_back(LiteralStep(pattern["String"].get<std::string>(), behavior, invert));
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("pre_tokenizer Split needs a pattern: Regex or String");
}

absl::Status AddByteLevel(const Json& json, PreTokenizer* out) {
  FOUNDRY_ASSIGN_OR_RETURN(bool prefix, JsonBool(json, "add_prefix_space", false));
  FOUNDRY_ASSIGN_OR_RETURN(bool use_regex, JsonBool(json, "use_regex", true));
  out->byte_level = true;
  if (prefix) {
    out->steps.push_back([](absl::string_view word, bool, Words* words) {
      if (absl::StartsWith(word, " ")) return words->views.push_back(word);
      words->views.push_back(words->owned.emplace_back(absl::StrCat(" ", word)));
    });
  }
  if (use_regex) {
    FOUNDRY_ASSIGN_OR_RETURN(RegexSplitter splitter, MakeRegexSplitter(kGpt2Pattern));
    out->steps.push_back(RegexStep(std::move(splitter), Behavior::kIsolated, false));
  }
  return absl::OkStatus();
}

absl::Status AddMetaspace(const Json& json, PreTokenizer* out) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string mark, JsonString(json, "replacement", "\u2581"));
  FOUNDRY_ASSIGN_OR_RETURN(bool old_prefix, JsonBool(json, "add_prefix_space", true));
  FOUNDRY_ASSIGN_OR_RETURN(std::string scheme,
                           JsonString(json, "prepend_scheme", old_prefix ? "always" : "never"));
  FOUNDRY_ASSIGN_OR_RETURN(bool split, JsonBool(json, "split", true));
  out->steps.push_back([mark, scheme](absl::string_view word, bool first, Words* words) {
    std::string text = absl::StrReplaceAll(word, {{" ", mark}});
    const bool prepend = scheme == "always" || (scheme == "first" && first);
    if (prepend && !absl::StartsWith(text, mark)) text.insert(0, mark);
    words->views.push_back(words->owned.emplace_back(std::move(text)));
  });
  if (split) out->steps.push_back(LiteralStep(mark, Behavior::kMergedWithNext, false));
  return absl::OkStatus();
}

absl::Status Add(const Json& json, PreTokenizer* out) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string type, JsonString(json, "type"));
  if (type == "ByteLevel") return AddByteLevel(json, out);
  if (type == "Split") return AddSplit(json, out);
  if (type == "Metaspace") return AddMetaspace(json, out);
  if (type == "Digits") {
    FOUNDRY_ASSIGN_OR_RETURN(bool single, JsonBool(json, "individual_digits", false));
    out->steps.push_back(
        SplitChars(IsNumber, single ? Behavior::kIsolated : Behavior::kContiguous));
  } else if (type == "BertPreTokenizer") {
    out->steps.push_back(SplitChars(IsWhitespace, Behavior::kRemoved));
    out->steps.push_back(SplitChars(IsBertPunctuation, Behavior::kIsolated));
  } else if (type == "WhitespaceSplit") {
    out->steps.push_back(SplitChars(IsWhitespace, Behavior::kRemoved));
  } else if (type == "Punctuation") {
    FOUNDRY_ASSIGN_OR_RETURN(std::string name, JsonString(json, "behavior", "Isolated"));
    FOUNDRY_ASSIGN_OR_RETURN(Behavior behavior, ParseBehavior(name));
    out->steps.push_back(SplitChars(IsBertPunctuation, behavior));
  } else if (type == "Sequence") {
    if (!json.contains("pretokenizers") || !json["pretokenizers"].is_array()) {
      return absl::InvalidArgumentError("pre_tokenizer Sequence has no list 'pretokenizers'");
    }
    for (const Json& step : json["pretokenizers"]) FOUNDRY_RETURN_IF_ERROR(Add(step, out));
  } else {
    return absl::UnimplementedError(
        absl::StrCat("pre_tokenizer type '", type, "' is not supported"));
  }
  return absl::OkStatus();
}

}  // namespace

void PreTokenizer::Split(absl::string_view text, bool first, Words* words) const {
  words->views.clear();
  if (text.empty()) return;
  words->views.push_back(text);
  std::vector<absl::string_view> before;
  for (const PreTokenizerStep& step : steps) {
    before.swap(words->views);
    words->views.clear();
    for (size_t i = 0; i < before.size(); ++i) step(before[i], first && i == 0, words);
  }
}

absl::StatusOr<PreTokenizer> MakePreTokenizer(const Json& json) {
  PreTokenizer out;
  if (!json.is_null()) FOUNDRY_RETURN_IF_ERROR(Add(json, &out));
  return out;
}

}  // namespace foundry::tokenizer
