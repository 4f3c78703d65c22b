// What the extractive rules make before it is chosen. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/dataset/records.h"
#include "services/teacher/extractive/questions.h"

namespace foundry::teacher::extractive {

// Kinds of Pair::type that the extractive teacher writes, and which question type of the user's
// settings each belongs to.
//   factual     who, when, where, how many, what   factual
//   cloze       a blank to fill                    factual
//   continuation, recital                          factual
//   definition, description, about                 conceptual
//   purpose     why, how, what for                 application
//   reason, multi_fact, false_premise              analysis
std::string QuestionTypeOf(const std::string& type);

struct Item {
  std::string question;  // without the topic
  std::string target;
  std::string type;   // see above
  std::string level;  // document, section, paragraph, sentence
  std::string fact;   // group of wordings of one fact
  std::string reasoning;
  dataset::Span span;  // of the document's text
  double rank = 0;     // lower is asked first
};

// A sentence of a document, parsed.
struct SourceSentence {
  dataset::Span span;
  size_t paragraph = 0;
  std::string section;  // what its section is about; see SectionLabel()
  Parsed parsed;
  std::vector<Fact> facts;
};

}  // namespace foundry::teacher::extractive
