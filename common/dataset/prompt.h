// The wording of a closed-book question: one form for whoever teaches, trains, asks and scores.
//
// A small model mixes the facts of different documents unless a question names its document, so the
// teacher's inputs, the trainer's examples and the evaluator's prompts all go through these
// functions; which name of a document counts is in topics.h. Thread-safe (no state).
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace foundry::dataset {

namespace prompt_internal {

// Lower-case words; bytes outside ASCII count as letters. A possessive 's is dropped.
inline std::vector<std::string> Words(absl::string_view text) {
  std::vector<std::string> words;
  std::string word;
  auto flush = [&] {
    if (!word.empty()) words.push_back(word);
    word.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = text[i];
    if (absl::ascii_isalnum(c) || c >= 0x80) {
      word += absl::ascii_tolower(c);
    } else if (c == '\'' && i + 1 < text.size() && text[i + 1] == 's') {
      flush();
      ++i;
    } else {
      flush();
    }
  }
  flush();
  return words;
}

inline bool IsSmallWord(absl::string_view word) {
  for (absl::string_view small : {"a", "an", "the", "of", "and", "in", "on", "for", "to"}) {
    if (word == small) return true;
  }
  return false;
}

}  // namespace prompt_internal

// What people call a document, from its title or its id: "Genghis Khan" stays as it is;
// "docs/genghis-khan.pdf#0" becomes "Genghis Khan"; an opaque id (a hash) names nothing: "".
inline std::string TopicName(absl::string_view name) {
  constexpr size_t kShortestHash = 16;
  name = absl::StripAsciiWhitespace(name);
  if (name.size() >= kShortestHash && std::all_of(name.begin(), name.end(), absl::ascii_isxdigit)) {
    return "";
  }
  if (name.find(' ') != absl::string_view::npos) return std::string(name);
  if (size_t hash = name.find('#'); hash != absl::string_view::npos) name = name.substr(0, hash);
  if (size_t slash = name.rfind('/'); slash != absl::string_view::npos)
    name.remove_prefix(slash + 1);
  for (absl::string_view ending : {".pdf", ".json", ".jsonl", ".parquet", ".txt", ".html"}) {
    if (absl::EndsWithIgnoreCase(name, ending)) {
      name.remove_suffix(ending.size());
      break;
    }
  }
  // An identifier such as CVE-2024-1234 is a name, not a slug.
  const bool slug = name.find_first_of("-_") != absl::string_view::npos &&
                    std::none_of(name.begin(), name.end(), absl::ascii_isupper);
  if (!slug) return std::string(name);
  std::string topic(name);
  bool start = true;
  for (char& c : topic) {
    if (c == '-' || c == '_') c = ' ';
    if (start) c = absl::ascii_toupper(c);
    start = c == ' ';
  }
  return topic;
}

// What the first of these names that says anything calls a document.
inline std::string FirstTopic(std::initializer_list<absl::string_view> names) {
  for (absl::string_view name : names) {
    if (std::string topic = TopicName(name); !topic.empty()) return topic;
  }
  return "";
}

// Whether every word of the topic, small words aside, stands in the text already.
inline bool NamesTopic(absl::string_view text, absl::string_view topic) {
  const std::vector<std::string> have = prompt_internal::Words(text);
  for (const std::string& word : prompt_internal::Words(topic)) {
    if (prompt_internal::IsSmallWord(word)) continue;
    if (std::find(have.begin(), have.end(), word) == have.end()) return false;
  }
  return true;
}

// "Topic: Genghis Khan. Which town did he seize?"; the question alone when there is no topic or
// when the question names it. Applying it twice changes nothing.
inline std::string ClosedBookPrompt(absl::string_view topic, absl::string_view question) {
  question = absl::StripAsciiWhitespace(question);
  const std::string name = TopicName(topic);
  if (name.empty() || absl::StartsWith(question, "Topic:") || NamesTopic(question, name)) {
    return std::string(question);
  }
  return absl::StrCat("Topic: ", absl::StripSuffix(name, "."), ". ", question);
}

}  // namespace foundry::dataset
