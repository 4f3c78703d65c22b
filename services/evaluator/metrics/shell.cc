#include "services/evaluator/metrics/shell.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

namespace foundry::evaluator {
namespace {

constexpr absl::string_view kSpecial = " \t*?[]{}~$`\"'\\|&;<>()#!";
constexpr std::array<absl::string_view, 14> kOperators = {
    "<<<", "&>>", "&&", "||", ";;", ">>", "<<", ">&", "<&", "&>", "|&", "$(", "<(", ">("};

class Lexer {
 public:
  explicit Lexer(absl::string_view text) : text_(text) {}

  std::vector<ShellToken> Run() {
    while (at_ < text_.size()) Step();
    EndWord();
    while (!tokens_.empty() && tokens_.back().text == ";") tokens_.pop_back();
    return std::move(tokens_);
  }

 private:
  void Step() {
    const char c = text_[at_];
    if (c == '\\') return Escape();
    if (c == '\'') return SingleQuotes();
    if (c == '"') return DoubleQuotes();
    if (c == '\n') return Operator(";", 1);
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) return EndWord(), void(++at_);
    if (c == '#' && !in_word_) {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return;
    }
    if (c == '`') return Operator("`", 1);
    if (c == '$' && absl::StartsWith(text_.substr(at_), "${")) return Braces();
    for (absl::string_view op : kOperators) {
      if (absl::StartsWith(text_.substr(at_), op)) return Operator(op, op.size());
    }
    if (absl::StrContains("|&;<>()", c)) return Operator(text_.substr(at_, 1), 1);
    Add(c);
    ++at_;
  }

  void Escape() {
    if (at_ + 1 < text_.size() && text_[at_ + 1] == '\n') {  // a continued line
      at_ += 2;
      return;
    }
    if (at_ + 1 < text_.size()) AddLiteral(text_[at_ + 1]);
    at_ += 2;
  }

  void SingleQuotes() {
    in_word_ = true;
    for (++at_; at_ < text_.size() && text_[at_] != '\''; ++at_) AddLiteral(text_[at_]);
    ++at_;
  }

  void DoubleQuotes() {
    in_word_ = true;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size() && absl::StrContains("$`\"\\\n", text_[at_ + 1])) {
        AddLiteral(text_[++at_]);
      } else if (c == '$' || c == '`') {
        Add(c);  // still expanded
      } else {
        AddLiteral(c);
      }
    }
    ++at_;
  }

  void Braces() {
    const size_t end = std::min(text_.find('}', at_), text_.size() - 1);
    for (; at_ <= end; ++at_) Add(text_[at_]);
  }

  void Operator(absl::string_view op, size_t length) {
    // A file descriptor belongs to its redirection: 2>&1.
    const bool redirects = absl::StrContains("<>", op[0]);
    const bool descriptor = redirects && in_word_ && word_.size() == 1 &&
                            absl::ascii_isdigit(static_cast<unsigned char>(word_[0]));
    std::string text = descriptor ? word_ + std::string(op) : std::string(op);
    if (descriptor) {
      in_word_ = false;
      word_.clear();
    }
    EndWord();
    if (!(text == ";" && (tokens_.empty() || tokens_.back().text == ";"))) {
      tokens_.push_back({ShellToken::Kind::kOperator, std::move(text)});
    }
    at_ += length;
  }

  void Add(char c) {
    in_word_ = true;
    word_ += c;
  }
  void AddLiteral(char c) {
    if (absl::StrContains(kSpecial, c)) Add('\\');
    Add(c);
  }
  void EndWord() {
    if (in_word_) tokens_.push_back({ShellToken::Kind::kWord, word_});
    in_word_ = false;
    word_.clear();
  }

  absl::string_view text_;
  size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<ShellToken> tokens_;
};

bool IsAssignment(absl::string_view word) {
  const size_t equals = word.find('=');
  if (equals == absl::string_view::npos || equals == 0) return false;
  return std::all_of(word.begin(), word.begin() + equals,
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

bool In(absl::string_view word, std::initializer_list<absl::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What runs the command that follows it.
bool IsPrefix(absl::string_view word) {
  return In(word, {"sudo", "xargs", "time", "nohup", "nice", "env", "exec", "watch", "then", "do",
                   "else", "if", "while", "until", "!", "{", "command", "parallel"});
}

}  // namespace

std::vector<ShellToken> ShellTokens(absl::string_view command) { return Lexer(command).Run(); }

CommandShape ShapeOf(const std::vector<ShellToken>& tokens) {
  CommandShape result;
  std::vector<absl::string_view> parts;
  bool program_due = true, target_due = false, value_due = false;
  for (const ShellToken& token : tokens) {
    if (token.kind == ShellToken::Kind::kOperator) {
      parts.push_back(token.text);
      const bool redirects =
          absl::StrContains(token.text, '>') || absl::StrContains(token.text, '<');
      const bool process = absl::EndsWith(token.text, "(");  // <( and >(
      target_due = redirects && !process;
      if (!target_due && token.text != ")") program_due = true;
      continue;
    }
    const absl::string_view word = token.text;
    const bool flag = word.size() > 1 && word[0] == '-' && !absl::ascii_isdigit(word[1]);
    if (target_due || value_due) {
      parts.push_back("ARG");
      target_due = value_due = false;
    } else if (flag) {
      parts.push_back(word.substr(0, word.find('=')));
      // Options of sudo, nice, timeout and xargs whose value would pass for the program.
      value_due = program_due && !result.utilities.empty() && IsPrefix(result.utilities.back()) &&
                  In(word, {"-n", "-I", "-P", "-L", "-d", "-s", "-E", "-u", "-J"});
      program_due |= In(word, {"-exec", "-execdir", "-ok", "-okdir"});
    } else if (program_due && !IsAssignment(word)) {
      parts.push_back(word);
      result.utilities.emplace_back(word);
      program_due = IsPrefix(word);
    } else {
      parts.push_back("ARG");
    }
  }
  result.shape = absl::StrJoin(parts, " ");
  return result;
}

}  // namespace foundry::evaluator
