// Sections, paragraphs and sentences of a normalised text, as spans of it. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/dataset/records.h"

namespace foundry::text {

// A line (or lines) of the text that is a heading.
struct Heading {
  dataset::Span span;
  int level = 1;
};

struct Structure {
  // Partition the text in order: a section reaches from its heading to the next heading of any
  // level. The first has an empty heading when text stands before the first heading.
  std::vector<dataset::Section> sections;
  std::vector<dataset::Span> paragraphs;  // blocks between empty lines, without headings
  std::vector<dataset::Span> sentences;   // of the paragraphs
};

// Headings that plain text shows by its form: Markdown (#, underlines), numbered lines ("2.1
// Scope"), short upper-case lines. Only lines that stand alone between empty lines count.
std::vector<Heading> DetectHeadings(absl::string_view text);

// `headings` in order, not overlapping; from a layout, or DetectHeadings(). `left_out` are spans
// that belong to no paragraph (tables of contents), in order, apart from the headings.
Structure AnalyzeStructure(absl::string_view text, const std::vector<Heading>& headings,
                           const std::vector<dataset::Span>& left_out = {});

// Fills the document's content, sections, paragraphs and sentences from its text.
void FillStructure(const std::vector<Heading>& headings, dataset::Document* document,
                   const std::vector<dataset::Span>& left_out = {});

}  // namespace foundry::text
