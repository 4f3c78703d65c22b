// Question-answer pairs out of a chat model's free text.
//
// Understood: "Question 1: … Answer 1: …" (any of Question/Q, Answer/A, with or without numbers,
// markdown marks and "Reasoning:"/"Explanation:" lines), numbered questions followed by numbered
// answers, and JSON (a list or an object holding one, fenced or bare). What follows an answer after
// an empty line, and prompts that small models repeat after their answer, are cut off.
// Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace foundry::teacher {

struct ParsedPair {
  std::string question, answer, reasoning;
};

// In order; a question without an answer is left out. Empty: the reply does not parse.
// `cut_off`: the token limit ended the reply; what it broke off in is left out.
std::vector<ParsedPair> ParseReply(absl::string_view reply, bool cut_off = false);

// One answer to one question: without "Answer:" before it and run-on text after it.
// Of a reply that was cut off, the whole sentences.
std::string ParseAnswer(absl::string_view reply, bool cut_off = false);

}  // namespace foundry::teacher
