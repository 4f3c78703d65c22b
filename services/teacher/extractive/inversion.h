// Turning a clause round: the parts that questions are put together from. Thread-safe (no state).
#pragma once

#include <string>

#include "services/teacher/extractive/questions.h"

namespace foundry::teacher::extractive {

// A clause cut into what a question needs.
struct Frame {
  std::string subject;  // for the middle of a sentence: "the Shah's army"
  std::string front;    // was, did, has, can: what stands before the subject in a question
  std::string verb;     // what stands after it: "split", "order", "been built"
  std::string verbs;    // as in the clause: "was split", "ordered"
  std::string third;    // the verbs after "who" or "what": plural forms become singular
  Range rest;           // the core of the rest: up to the first comma that ends it
  bool invertible = false;
  bool incomplete = false;  // the core breaks off before "that …": no question of its own
};

Frame MakeFrame(const Parsed& parsed, const Clause& clause);

// The rest without `skip`: "" when nothing is left. Dangling commas and conjunctions are dropped.
std::string Without(const Parsed& parsed, Range rest, Range skip);

// "{wh} {front} {subject} {verb} {tail}?"
std::string Invert(const std::string& wh, const Frame& frame, const std::string& tail);

// Words with single blanks between; empty ones are left out.
std::string Joined(std::initializer_list<absl::string_view> parts);

// The first letter in upper case, a question mark at the end.
std::string AsQuestion(std::string text);

}  // namespace foundry::teacher::extractive
