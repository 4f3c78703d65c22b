#include "services/teacher/parse_reply.h"

#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/json.h"
#include "common/text/sentences.h"

namespace foundry::teacher {
namespace {

enum class Part { kNone, kQuestion, kAnswer, kReasoning };

struct Label {
  Part part = Part::kNone;
  int number = 0;  // 0: none
  absl::string_view rest;
};

// "**Question 3:** What …", "Q: …", "3. Question: …", "A3) …".
Label ReadLabel(absl::string_view line) {
  absl::string_view text = absl::StripLeadingAsciiWhitespace(line);
  auto skip_marks = [&text] {
    while (!text.empty() && absl::StrContains("*#_>- \t", text[0])) text.remove_prefix(1);
  };
  auto read_number = [&text] {
    size_t n = 0;
    while (n < text.size() && absl::ascii_isdigit(text[n])) ++n;
    int number = 0;
    if (n > 0 && n < 5) (void)absl::SimpleAtoi(text.substr(0, n), &number);
    text.remove_prefix(n);
    return number;
  };
  skip_marks();
  Label label;
  if (!text.empty() && absl::ascii_isdigit(text[0])) {
    label.number = read_number();
    while (!text.empty() && absl::StrContains(".) *", text[0])) text.remove_prefix(1);
  }
  static constexpr std::pair<absl::string_view, Part> kNames[] = {
      {"question", Part::kQuestion},     {"answer", Part::kAnswer}, {"reasoning", Part::kReasoning},
      {"explanation", Part::kReasoning}, {"q", Part::kQuestion},    {"a", Part::kAnswer}};
  for (const auto& [name, part] : kNames) {
    if (!absl::StartsWithIgnoreCase(text, name)) continue;
    absl::string_view after = text;
    after.remove_prefix(name.size());
    while (!after.empty() && absl::StrContains(" *", after[0])) after.remove_prefix(1);
    const absl::string_view saved = text;
    text = after;
    const int number = read_number();
    while (!text.empty() && absl::StrContains(" *_", text[0])) text.remove_prefix(1);
    const bool letter_paren = name.size() == 1 && absl::ConsumePrefix(&text, ")");
    if (!letter_paren && !absl::ConsumePrefix(&text, ":")) {
      text = saved;
      continue;
    }
    while (!text.empty() && absl::StrContains(" *_\t", text[0])) text.remove_prefix(1);
    if (number > 0) label.number = number;
    label.part = part;
    label.rest = text;
    return label;
  }
  return {};
}

// A line with which a model begins to repeat its instructions.
bool RunOn(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  for (absl::string_view start : {"You are a", "You will be given", "User will",
                                  "Human:", "User:", "Assistant:", "System:", "<|", "###", "---",
                                  "By asking and answering", "Note:", "These questions"}) {
    if (absl::StartsWithIgnoreCase(line, start)) return true;
  }
  return false;
}

// `*ended`, when given, tells whether more came that is no part of it.
std::string Clean(absl::string_view text, bool* ended = nullptr) {
  std::string out;
  if (ended != nullptr) *ended = false;
  bool empty_line = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    if (stripped.empty()) {
      empty_line = !out.empty();
      continue;
    }
    if (empty_line || (!out.empty() && RunOn(line))) {
      if (ended != nullptr) *ended = true;
      break;
    }
    if (out.empty() && RunOn(line)) continue;
    absl::StrAppend(&out, out.empty() ? "" : " ", stripped);
  }
  absl::string_view view = out;
  while (absl::ConsumeSuffix(&view, "**")) view = absl::StripTrailingAsciiWhitespace(view);
  return std::string(absl::StripAsciiWhitespace(view));
}

std::vector<ParsedPair> ParseLabels(absl::string_view reply, bool cut_off) {
  struct Draft {
    std::string question, answer, reasoning;
  };
  std::vector<Draft> drafts;
  std::map<int, size_t> numbered;  // answers find their question by number when all come first
  std::string* target = nullptr;
  for (absl::string_view line : absl::StrSplit(reply, '\n')) {
    const Label label = ReadLabel(line);
    if (label.part == Part::kNone) {
      if (target != nullptr) absl::StrAppend(target, "\n", line);
      continue;
    }
    if (label.part == Part::kQuestion) {
      drafts.emplace_back();
      if (label.number > 0) numbered[label.number] = drafts.size() - 1;
      drafts.back().question = std::string(label.rest);
      target = &drafts.back().question;
      continue;
    }
    if (drafts.empty()) continue;
    Draft* draft = &drafts.back();
    if (const auto it = numbered.find(label.number);
        it != numbered.end() && drafts[it->second].answer.empty()) {
      draft = &drafts[it->second];
    }
    target = label.part == Part::kAnswer ? &draft->answer : &draft->reasoning;
    if (!target->empty()) {
      target = nullptr;  // a second answer: the first one stands
      continue;
    }
    *target = std::string(label.rest);
  }
  if (cut_off && target != nullptr) {
    bool ended = false;
    (void)Clean(*target, &ended);
    if (!ended) target->clear();  // half an answer would teach to break off
  }
  std::vector<ParsedPair> pairs;
  for (const Draft& draft : drafts) {
    ParsedPair pair{Clean(draft.question), Clean(draft.answer), Clean(draft.reasoning)};
    if (!pair.question.empty() && !pair.answer.empty()) pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::string Member(const Json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto it = object.find(key);
    if (it != object.end() && it->is_string()) {
      return std::string(absl::StripAsciiWhitespace(it->get<std::string>()));
    }
  }
  return "";
}

void FromJson(const Json& json, std::vector<ParsedPair>& pairs) {
  if (json.is_array()) {
    for (const Json& item : json) FromJson(item, pairs);
    return;
  }
  if (!json.is_object()) return;
  ParsedPair pair{Member(json, {"question", "input", "q", "prompt", "instruction"}),
                  Member(json, {"answer", "target", "a", "response", "output"}),
                  Member(json, {"reasoning", "explanation", "rationale"})};
  if (!pair.question.empty() && !pair.answer.empty()) {
    pairs.push_back(std::move(pair));
    return;
  }
  for (const auto& [key, value] : json.items()) {
    if (value.is_array()) FromJson(value, pairs);
  }
}

// The JSON value that begins at `begin`, found by its matching bracket.
std::optional<absl::string_view> JsonFrom(absl::string_view text, size_t begin) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return text.substr(begin, i + 1 - begin);
  }
  return std::nullopt;
}

std::vector<ParsedPair> ParseJsonReply(absl::string_view reply) {
  std::vector<ParsedPair> pairs;
  for (size_t at = 0; at < reply.size();) {
    const size_t begin = reply.find_first_of("[{", at);
    if (begin == absl::string_view::npos) break;
    const std::optional<absl::string_view> text = JsonFrom(reply, begin);
    if (!text) {
      // A list cut off by the token limit: its finished objects still count.
      at = begin + 1;
      continue;
    }
    if (const auto json = ParseJson(*text, "reply"); json.ok()) FromJson(*json, pairs);
    at = begin + text->size();
  }
  return pairs;
}

std::string ParseWhole(absl::string_view reply) {
  const std::vector<ParsedPair> pairs = ParseReply(reply);
  if (pairs.size() == 1) return pairs.front().answer;
  const absl::string_view text = absl::StripAsciiWhitespace(reply);
  const Label label = ReadLabel(text.substr(0, text.find('\n')));
  if (label.part == Part::kAnswer) {
    return Clean(text.substr(static_cast<size_t>(label.rest.data() - text.data())));
  }
  return Clean(text);
}

}  // namespace

std::vector<ParsedPair> ParseReply(absl::string_view reply, bool cut_off) {
  if (absl::StrContains(reply, "{")) {
    std::vector<ParsedPair> pairs = ParseJsonReply(reply);
    if (!pairs.empty()) return pairs;
  }
  return ParseLabels(reply, cut_off);
}

std::string ParseAnswer(absl::string_view reply, bool cut_off) {
  std::string answer = ParseWhole(reply);
  if (!cut_off) return answer;
  const std::vector<text::Span> sentences = text::SplitSentences(answer);
  answer.resize(sentences.size() < 2 ? 0 : static_cast<size_t>(sentences.end()[-2].end));
  return answer;
}

}  // namespace foundry::teacher
