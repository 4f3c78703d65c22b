// The enrichment stage's domain: entities, keywords, summaries, metadata. Works without any model;
// an embedder improves summaries, a chat model may find the entities. Free of protobuf and gRPC.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/chat/chat_model.h"
#include "common/text/summary.h"
#include "common/worker/task_context.h"

namespace foundry::extraction {

struct EnrichOptions {
  int summary_sentences = 3;
  int keyword_count = 10;
  text::EmbedFunction embed;              // null: summaries by TF-IDF
  std::shared_ptr<chat::ChatModel> chat;  // null: entities by rules and gazetteers
};

// What could not be done as asked.
struct EnrichCounts {
  int64_t unparsed_entity_replies = 0;  // of the chat model; the rules stood in
  int64_t entities_not_in_text = 0;     // named by the chat model, dropped
};

// Fills entities, keywords, summary and metadata (language, words, sentences); structure too where
// it is missing, as in a handed-in enriched_data.json.
absl::Status EnrichDocument(const EnrichOptions& options, const CancelToken& cancel,
                            dataset::Document* document, EnrichCounts* counts);

// Reads `documents` (documents.jsonl or enriched_data.json, or a folder with one) and writes
// documents.jsonl and enriched_data.json into context.output().
absl::StatusOr<worker::StageOutput> Enrich(const worker::InputRef& documents,
                                           const EnrichOptions& options,
                                           worker::TaskContext& context);

}  // namespace foundry::extraction
