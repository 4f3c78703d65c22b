// One model against data sets: asks, scores, writes answers.jsonl and scores.json.
//
// Answers are greedy. They are kept in the scratch folder as they come, so that an attempt that was
// killed does not ask again what it has.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/chat/chat_model.h"
#include "common/dataset/records.h"
#include "services/evaluator/item.h"
#include "services/evaluator/judges.h"

namespace foundry::evaluator {

struct TextNll {
  double nats = 0;     // negative log-likelihood of the text, summed
  int64_t tokens = 0;  // predicted
};

struct RunModels {
  // Answers; null: the best sentence of the passage is the answer (an extractive teacher).
  std::shared_ptr<chat::ChatModel> model;
  std::shared_ptr<chat::ChatModel> judge;  // not null when the judges name llm
  EmbedTexts embed;                        // not null when the judges name embedding
  std::function<absl::StatusOr<TextNll>(const std::string& text)> nll;  // null: no perplexity
};

struct RunOptions {
  std::string label;                // base, distilled, …
  std::string model_name;           // for people
  std::string split = "test";       // of the held-out pairs
  bool open_book = false;           // the passage in the prompt
  size_t max_context_bytes = 4000;  // of an open-book prompt
  int max_new_tokens = 48;
  int batch_size = 16;               // questions between two saves: eight batches
  uint64_t seed = 7;                 // of the bootstrap
  int64_t perplexity_bytes = 24000;  // of documents read for the perplexity, spread over them
  Judges judges;
};

struct RunHooks {
  CancelToken cancel;
  std::function<void(double done, double total, const std::string& message)> progress;
};

struct RunResult {
  std::map<std::string, int64_t> counts;
  std::map<std::string, double> figures;  // score, contains, <dataset>_<primary>, perplexity, …
  std::vector<std::string> warnings;
};

// Errors: Unavailable when more than half of the questions got no answer.
absl::StatusOr<RunResult> RunEvaluation(const std::vector<TestSet>& sets,
                                        const std::vector<dataset::Document>& documents,
                                        const RunModels& models, const RunOptions& options,
                                        const RunHooks& hooks, const std::filesystem::path& scratch,
                                        const std::filesystem::path& output);

}  // namespace foundry::evaluator
