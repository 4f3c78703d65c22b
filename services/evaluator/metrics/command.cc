#include "services/evaluator/metrics/command.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/evaluator/metrics/shell.h"

namespace foundry::evaluator {
namespace {

constexpr absl::string_view kPrograms =
    " awk basename bash bc bg bzip2 cal cat cd chgrp chmod chown cksum clear cmp column comm cp "
    "cpio "
    "crontab csplit curl cut date dd df diff dig dir dirname du echo egrep env eval exec expand "
    "export "
    "expr false fg fgrep file find finger fmt fold for free ftp function gawk git grep groups "
    "gunzip "
    "gzip head history host hostname iconv id if ifconfig install ip jobs join kill killall less "
    "let "
    "ln local locate look ls lsof make md5sum mkdir mkfifo mktemp more mount mv nc netstat nice nl "
    "nohup od openssl paste perl pgrep ping pkill popd printenv printf ps pstree pushd pwd python "
    "python3 read readlink realpath rename rev rm rmdir rsync scp screen sdiff sed seq set sftp sh "
    "sha256sum shopt shred shuf sleep sort source split ssh stat strings su sudo sum tac tail tar "
    "tee "
    "test time timeout top touch tr traceroute tree true tsort type ulimit umask uname unexpand "
    "uniq "
    "unset uptime users vi vim w watch wc wget whatis whereis which while who whoami xargs yes "
    "zcat "
    "zgrep zip ";

bool StartsLikeCommand(absl::string_view line) {
  const absl::string_view first = line.substr(0, line.find_first_of(" \t|;&"));
  if (absl::StartsWith(first, "./") || (absl::StartsWith(first, "/") && first.size() > 1))
    return true;
  // Upper case starts a sentence ("Find the files"), a flag or operator makes it a command anyway.
  return !first.empty() && first.find(' ') == absl::string_view::npos &&
         absl::StrContains(kPrograms, absl::StrCat(" ", first, " "));
}

absl::string_view StripPrompt(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  for (absl::string_view prompt : {"$ ", "% ", "> "}) {
    if (absl::ConsumePrefix(&line, prompt)) return absl::StripLeadingAsciiWhitespace(line);
  }
  // "user@host:~/dir$ ls"
  const size_t dollar = line.find("$ ");
  if (dollar != absl::string_view::npos && absl::StrContains(line.substr(0, dollar), '@') &&
      !absl::StrContains(line.substr(0, dollar), ' ')) {
    return absl::StripLeadingAsciiWhitespace(line.substr(dollar + 2));
  }
  return line;
}

absl::string_view StripLabel(absl::string_view line) {
  for (absl::string_view label : {"command:", "answer:", "bash:", "shell:"}) {
    if (absl::StartsWithIgnoreCase(line, label)) {
      return absl::StripLeadingAsciiWhitespace(line.substr(label.size()));
    }
  }
  return line;
}

// Quotes around the whole line only: echo 'a' keeps its own.
absl::string_view StripQuotes(absl::string_view line) {
  for (char quote : {'`', '"', '\''}) {
    if (line.size() >= 2 && line.front() == quote && line.back() == quote &&
        std::count(line.begin(), line.end(), quote) == 2) {
      return absl::StripAsciiWhitespace(line.substr(1, line.size() - 2));
    }
  }
  return line;
}

std::vector<std::string> CleanLines(absl::string_view block) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(block, '\n')) {
    line = StripQuotes(StripLabel(StripPrompt(line)));
    if (line.empty() || absl::StartsWith(line, "#")) continue;
    lines.emplace_back(line);
  }
  return lines;
}

// The inside of the first ``` block; an unclosed one runs to the end.
bool FencedBlock(absl::string_view answer, absl::string_view* block) {
  const size_t open = answer.find("```");
  if (open == absl::string_view::npos) return false;
  absl::string_view rest = answer.substr(open + 3);
  const size_t close = rest.find("```");
  if (close != absl::string_view::npos) rest = rest.substr(0, close);
  const size_t line_end = rest.find('\n');
  if (line_end != absl::string_view::npos &&
      rest.substr(0, line_end).find(' ') == absl::string_view::npos) {
    rest = rest.substr(line_end + 1);  // the language: ```bash
  }
  *block = rest;
  return !absl::StripAsciiWhitespace(rest).empty();
}

// Code in prose: prose starts with a capital letter, and its backticks follow a space or a colon;
// any other backtick is the shell's command substitution.
std::string InlineCode(absl::string_view answer) {
  answer = absl::StripAsciiWhitespace(answer);
  if (answer.empty() || !absl::ascii_isupper(static_cast<unsigned char>(answer[0]))) return "";
  std::vector<absl::string_view> parts = absl::StrSplit(answer, '`');
  if (parts.size() < 3) return "";
  for (size_t i = 1; i + 1 < parts.size(); i += 2) {
    if (!parts[i - 1].empty() && !absl::StrContains(" :(\n", parts[i - 1].back())) continue;
    absl::string_view code = StripPrompt(parts[i]);
    // A lone name in prose ("use the `find` command") is not the command.
    if (StartsLikeCommand(code) && code.find(' ') != absl::string_view::npos)
      return std::string(code);
  }
  return "";
}

std::vector<std::string> Texts(const std::vector<ShellToken>& tokens) {
  std::vector<std::string> texts;
  for (const ShellToken& token : tokens) texts.push_back(token.text);
  return texts;
}

double F1(const std::vector<std::string>& p, const std::vector<std::string>& g) {
  std::map<absl::string_view, int> counts;
  for (const std::string& token : p) ++counts[token];
  int common = 0;
  for (const std::string& token : g) common += counts[token]-- > 0;
  return common == 0 ? 0 : 2.0 * common / static_cast<double>(p.size() + g.size());
}

}  // namespace

std::string ExtractCommand(absl::string_view answer) {
  absl::string_view block;
  if (FencedBlock(answer, &block)) {
    const std::vector<std::string> lines = CleanLines(block);
    if (!lines.empty()) return absl::StrJoin(lines, "\n");
  }
  const std::vector<std::string> lines = CleanLines(answer);
  if (!lines.empty() && StartsLikeCommand(lines.front())) return lines.front();
  if (std::string code = InlineCode(answer); !code.empty()) return code;
  for (const std::string& line : lines) {
    if (StartsLikeCommand(line)) return line;
  }
  return lines.empty() ? "" : lines.front();
}

CommandScores ScoreCommand(absl::string_view answer, absl::string_view gold) {
  const std::vector<ShellToken> p = ShellTokens(ExtractCommand(answer)), g = ShellTokens(gold);
  const std::vector<std::string> p_texts = Texts(p), g_texts = Texts(g);
  const CommandShape p_shape = ShapeOf(p), g_shape = ShapeOf(g);
  CommandScores scores;
  scores.exact = !g_texts.empty() && p_texts == g_texts;
  scores.utility = !g_shape.utilities.empty() && p_shape.utilities == g_shape.utilities;
  scores.shape = !g_shape.shape.empty() && p_shape.shape == g_shape.shape;
  scores.token_f1 = F1(p_texts, g_texts);
  return scores;
}

}  // namespace foundry::evaluator
