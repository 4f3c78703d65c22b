// Settings of pair generation, as the stage's handler decodes them. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/cancel.h"
#include "common/chat/ensemble.h"
#include "common/dataset/records.h"
#include "common/text/summary.h"

namespace foundry::teacher {

using text::EmbedFunction;

struct TeacherOptions {
  int pairs_per_document = 0;  // 0: scaled with the document's length
  std::vector<std::string> question_types = {"factual", "conceptual", "application", "analysis"};
  std::vector<std::string> levels = {"document", "section", "paragraph", "sentence"};
  int context_window = 2048;  // tokens, counted as four bytes each
  double min_score = 0.6;     // of support, 0 to 1
  int max_attempts = 3;       // at a reply that does not parse
  int batch_size = 16;        // prompts given to a chat model together
  int64_t max_samples = 0;    // pairs; 0: no limit
  uint64_t seed = 7;
};

// Who teaches.
struct Teachers {
  bool extractive = true;
  double extractive_weight = 1.0;
  std::vector<chat::Member> chat;  // empty: none
  EmbedFunction embed;             // null: lexical checks only
};

// How the work goes on; calls come from one thread.
struct Hooks {
  CancelToken cancel;
  std::function<void(double done, double total, const std::string& message)> on_progress;
};

// Numbers for the user: {"unparsed_replies": 3, "near_duplicate": 12, …}.
using Counts = std::map<std::string, int64_t>;

struct Generated {
  std::vector<dataset::Pair> pairs;
  Counts counts;
  std::vector<std::string> warnings;
};

}  // namespace foundry::teacher
