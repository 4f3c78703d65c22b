// The extraction stage: decodes Extract and Enrich requests and runs the domain code behind both
// doors.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/chat/chat_model.h"
#include "common/text/summary.h"
#include "common/worker/stage.h"

namespace foundry::extraction {

// Where models come from; lm::ModelCache in the processes, fakes in tests. Either may be null: then
// enrichment does without. Thread-safe.
struct ModelAccess {
  std::function<absl::StatusOr<std::shared_ptr<chat::ChatModel>>(const std::string& name_or_path)>
      open_chat;
  // `batch_size` sentences are embedded at once.
  std::function<absl::StatusOr<text::EmbedFunction>(const std::string& name_or_path,
                                                    int batch_size)>
      open_embedder;
};

// Stage "extraction". Extract: documents.jsonl and outcomes.jsonl of a shard, or the join of
// `parts`. Enrich: documents.jsonl and enriched_data.json.
worker::Stage MakeExtractionStage(ModelAccess models = {});

}  // namespace foundry::extraction
