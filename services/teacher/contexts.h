// The parts of a document that a chat teacher is asked about. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "common/dataset/records.h"

namespace foundry::teacher {

struct Context {
  std::string level;                      // document, section, paragraph, sentence
  dataset::Span span;                     // of the document's text
  std::string text;                       // what the teacher sees of it, cut to the window
  std::string heading;                    // of the section it lies in; may be empty
  std::vector<std::string> related;       // headings or first words of related passages
  std::vector<std::string> related_text;  // their text, cut
};

// The contexts of one level, in order. `window_bytes`: longest text. A document longer than the
// window gives several document contexts. Related passages share the most telling words.
std::vector<Context> ContextsOf(const dataset::Document& document, const std::string& level,
                                size_t window_bytes);

}  // namespace foundry::teacher
