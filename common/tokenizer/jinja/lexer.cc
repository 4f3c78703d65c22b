#include "common/tokenizer/jinja/lexer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer::jinja {
namespace {

using Kind = Token::Kind;

constexpr size_t kLongestTag = 2000;   // tokens: trees of more could be too deep to walk
constexpr size_t kLongestName = 1000;  // bytes: names are compared without a charge

bool IsNameStart(char c) { return absl::ascii_isalpha(c) || c == '_'; }

class Lexer {
 public:
  explicit Lexer(absl::string_view source) : source_(source) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (at_ < source_.size()) {
      const size_t tag = NextTag();
      Text(tag);
      if (at_ < source_.size()) FOUNDRY_RETURN_IF_ERROR(Tag());
    }
    Add(Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  absl::string_view Rest() const { return source_.substr(at_); }
  void Add(Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
  void Skip(size_t bytes) {
    line_ +=
        static_cast<int>(std::count(source_.begin() + at_, source_.begin() + at_ + bytes, '\n'));
    at_ += bytes;
  }
  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": ", what));
  }

  // Where the next {{, {% or {# begins, or the end.
  size_t NextTag() const {
    for (size_t at = source_.find('{', at_); at != source_.npos; at = source_.find('{', at + 1)) {
      const char next = at + 1 < source_.size() ? source_[at + 1] : ' ';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return source_.size();
  }

  // Literal text up to `tag`, without what the tag's whitespace control takes.
  void Text(size_t tag) {
    absl::string_view text = source_.substr(at_, tag - at_);
    const bool starts_line = at_ == 0 || source_[at_ - 1] == '\n';
    if (tag < source_.size()) {
      const char sign = tag + 2 < source_.size() ? source_[tag + 2] : ' ';
      if (sign == '-') {
        text = text.substr(0, Strip(text, nullptr, /*left=*/false, /*right=*/true).size());
      } else if (sign != '+' && source_[tag + 1] != '{') {
        const size_t line = text.rfind('\n') + 1;  // 0: there is none
        const absl::string_view before = text.substr(line);
        if ((line > 0 || starts_line) && Strip(before, nullptr, true, false).empty()) {
          text = text.substr(0, line);
        }
      }
    }
    if (!text.empty()) Add(Kind::kText, std::string(text));
    Skip(tag - at_);
  }

  absl::Status Tag() {
    const char kind = source_[at_ + 1];
    if (kind == '#') {
      const size_t end = source_.find("#}", at_ + 2);
      if (end == source_.npos) return Error("a comment is not closed");
      const bool trims = source_[end - 1] == '-';
      const bool keeps = source_[end - 1] == '+';
      Skip(end + 2 - at_);
      AfterBlock(trims, keeps);
      return absl::OkStatus();
    }
    if (IsWordTag(at_, "raw")) return Raw();
    const bool block = kind == '%';
    Add(block ? Kind::kBlockBegin : Kind::kOutputBegin, "");
    Skip(2);
    if (at_ < source_.size() && (source_[at_] == '-' || (block && source_[at_] == '+'))) Skip(1);
    return Inside(block);
  }

  void AfterBlock(bool trims, bool keeps) {
    if (trims) {
      size_t end = at_;  // of the blanks, of any language
      for (size_t next = at_; next < source_.size() && IsBlank(NextCodePoint(source_, &next));) {
        end = next;
      }
      Skip(end - at_);
    } else if (!keeps && absl::StartsWith(Rest(), "\n")) {
      Skip(1);
    }
  }

  // Whether {% word %} stands at `tag`, and no more in it. `end`: behind the word and its blanks.
  bool IsWordTag(size_t tag, absl::string_view word, size_t* end = nullptr) const {
    absl::string_view rest = source_.substr(tag);
    if (!absl::ConsumePrefix(&rest, "{%")) return false;
    if (!absl::ConsumePrefix(&rest, "-")) absl::ConsumePrefix(&rest, "+");
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (!absl::ConsumePrefix(&rest, word)) return false;
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (end != nullptr) *end = rest.data() - source_.data();
    return absl::StartsWith(rest, "%}") || absl::StartsWith(rest, "-%}") ||
           (word == "endraw" && absl::StartsWith(rest, "+%}"));
  }

  // Text that is no template. Unlike other tags, {% raw %} leaves the newline behind it.
  absl::Status Raw() {
    size_t end = 0;
    IsWordTag(at_, "raw", &end);
    const bool trims = source_[end] == '-';
    Skip(end + (trims ? 3 : 2) - at_);
    AfterBlock(trims, /*keeps=*/true);
    size_t tag = source_.find("{%", at_);
    while (tag != source_.npos && !IsWordTag(tag, "endraw", &end))
      tag = source_.find("{%", tag + 1);
    if (tag == source_.npos) return Error("\"endraw\" is missing");
    Text(tag);
    const char sign = source_[end];
    Skip(end + (sign == '%' ? 2 : 3) - at_);
    AfterBlock(sign == '-', sign == '+');
    return absl::OkStatus();
  }

  // Up to the end of the tag.
  absl::Status Inside(bool block) {
    const absl::string_view end = block ? "%}" : "}}";
    int open = 0;  // brackets: "}}" may close two of them
    const size_t begin = tokens_.size();
    for (;;) {
      if (tokens_.size() - begin > kLongestTag) return Error("too long a tag");
      size_t blanks = 0;
      while (blanks < Rest().size() && absl::ascii_isspace(Rest()[blanks])) ++blanks;
      Skip(blanks);
      if (at_ == source_.size()) return Error("a tag is not closed");
      const absl::string_view rest = Rest();
      const char first = rest[0];
      const bool trims = first == '-' && absl::StartsWith(rest.substr(1), end);
      const bool keeps = block && first == '+' && absl::StartsWith(rest.substr(1), end);
      if (open == 0 && (trims || keeps || absl::StartsWith(rest, end))) {
        Add(block ? Kind::kBlockEnd : Kind::kOutputEnd, "");
        Skip(trims || keeps ? 3 : 2);
        // Newlines after outputs stay, but for an explicit sign.
        AfterBlock(trims, keeps || !block);
        return absl::OkStatus();
      }
      if (IsNameStart(first)) {
        size_t size = 1;
        while (size < rest.size() && (IsNameStart(rest[size]) || absl::ascii_isdigit(rest[size])))
          ++size;
        if (size > kLongestName) return Error("too long a name");
        Add(Kind::kName, std::string(rest.substr(0, size)));
        Skip(size);
      } else if (absl::ascii_isdigit(first)) {
        Number();
      } else if (first == '\'' || first == '"') {
        FOUNDRY_RETURN_IF_ERROR(String());
      } else {
        FOUNDRY_RETURN_IF_ERROR(Operator(&open));
      }
    }
  }

  // Digits that may have underscores between them, from `at` on; where they end.
  static size_t Digits(absl::string_view text, size_t at) {
    const auto digit = [&](size_t i) { return i < text.size() && absl::ascii_isdigit(text[i]); };
    while (digit(at) || (at < text.size() && text[at] == '_' && digit(at + 1))) ++at;
    return at;
  }

  // As Jinja's integer_re and float_re have them: 1_000, 0x1F, 1.5, 1e-3.
  void Number() {
    const absl::string_view rest = Rest();
    const char letter = rest.size() > 2 && rest[0] == '0' ? absl::ascii_tolower(rest[1]) : ' ';
    size_t end = 0;
    bool real = false;
    if ((letter == 'x' || letter == 'o' || letter == 'b') && absl::ascii_isxdigit(rest[2])) {
      for (end = 2; end < rest.size() && (absl::ascii_isxdigit(rest[end]) || rest[end] == '_');) {
        ++end;
      }
    } else {
      end = Digits(rest, 0);
      // After a dot, a number is an index: messages.0.role.
      const bool index =
          !tokens_.empty() && tokens_.back().kind == Kind::kOperator && tokens_.back().text == ".";
      const size_t fraction = Digits(rest, end + 1);
      if (!index && end < rest.size() && rest[end] == '.' && fraction > end + 1) {
        real = true;
        end = fraction;
      }
      size_t exponent = end + 1;
      if (exponent < rest.size() && (rest[exponent] == '+' || rest[exponent] == '-')) ++exponent;
      if (!index && end < rest.size() && (rest[end] == 'e' || rest[end] == 'E') &&
          Digits(rest, exponent) > exponent) {
        real = true;
        end = Digits(rest, exponent);
      }
    }
    Add(real ? Kind::kFloat : Kind::kInteger,
        absl::StrReplaceAll(rest.substr(0, end), {{"_", ""}}));
    Skip(end);
  }

  absl::Status String() {
    const absl::string_view rest = Rest();
    std::string text;
    size_t i = 1;
    while (i < rest.size() && rest[i] != rest[0]) {
      if (rest[i] != '\\') {
        text += rest[i++];
        continue;
      }
      if (++i == rest.size()) break;
      FOUNDRY_RETURN_IF_ERROR(Escape(rest, &i, &text));
    }
    if (i >= rest.size()) return Error("a string is not closed");
    Add(Kind::kString, std::move(text));
    Skip(i + 1);
    return absl::OkStatus();
  }

  // What follows a backslash at rest[*i].
  absl::Status Escape(absl::string_view rest, size_t* i, std::string* text) const {
    const char c = rest[(*i)++];
    constexpr absl::string_view kLetters = "nrtabfv", kBytes = "\n\r\t\a\b\f\v";
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits > 0) {
      char32_t code = 0;
      for (size_t k = 0; k < digits; ++k, ++*i) {
        if (*i >= rest.size() || !absl::ascii_isxdigit(rest[*i])) return Error("a broken escape");
        const char digit = absl::ascii_tolower(rest[*i]);
        code = code * 16 + (digit <= '9' ? digit - '0' : digit - 'a' + 10);
      }
      if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return Error("a broken escape");
      AppendUtf8(code, text);
    } else if (const size_t known = kLetters.find(c); known != kLetters.npos) {
      *text += kBytes[known];
    } else if (c >= '0' && c <= '7') {
      char32_t code = c - '0';
      for (int k = 0; k < 2 && *i < rest.size() && rest[*i] >= '0' && rest[*i] <= '7'; ++k) {
        code = code * 8 + (rest[(*i)++] - '0');
      }
      AppendUtf8(code, text);
    } else if (c == 'N' || !absl::ascii_isascii(c)) {
      return absl::UnimplementedError(
          absl::StrCat("line ", line_, ": this escape is not known here"));
    } else if (c == '\\' || c == '\'' || c == '"') {
      *text += c;
    } else if (c != '\n') {  // a continued line
      *text += '\\';
      *text += c;
    }
    return absl::OkStatus();
  }

  absl::Status Operator(int* open) {
    static constexpr absl::string_view kOperators[] = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", ">",
        "<",  "=",  ".",  ":",  "|",  ",",  "(", ")", "[", "]", "{", "}"};
    for (const absl::string_view one : kOperators) {
      if (!absl::StartsWith(Rest(), one)) continue;
      if (one == "(" || one == "[" || one == "{") ++*open;
      if (one == ")" || one == "]" || one == "}") --*open;
      if (*open < 0) return Error(absl::StrCat("\"", one, "\" closes nothing"));
      Add(Kind::kOperator, std::string(one));
      Skip(one.size());
      return absl::OkStatus();
    }
    return Error(absl::StrCat("unexpected \"", Rest().substr(0, CodePointLength(Rest()[0])), "\""));
  }

  const absl::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view source) {
  std::string text = absl::StrReplaceAll(source, {{"\r\n", "\n"}, {"\r", "\n"}});
  if (absl::EndsWith(text, "\n")) text.pop_back();
  return Lexer(text).Run();
}

}  // namespace foundry::tokenizer::jinja
