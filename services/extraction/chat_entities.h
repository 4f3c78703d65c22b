// Entities found by a chat model, checked against the text. Thread-safe when the model is.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "common/chat/chat_model.h"
#include "common/dataset/records.h"

namespace foundry::extraction {

struct ChatEntities {
  std::vector<dataset::Entity> entities;  // most frequent first; counts are mentions in the text
  int64_t parsed = 0;                     // replies that were read
  int64_t unparsed = 0;                   // replies that were no list of entities, or failed
  int64_t not_in_text = 0;                // names that the text does not hold
};

// One request per stretch of about 3,000 bytes. Fails when cancelled or when no request could be
// sent at all.
absl::StatusOr<ChatEntities> FindEntitiesByChat(const dataset::Document& document,
                                                chat::ChatModel& model, const CancelToken& cancel);

// The entities in a reply: {"person": […], "organization": […], "location": […]}, with or without
// text around the JSON. InvalidArgument when there is none.
absl::StatusOr<std::vector<dataset::Entity>> ParseEntityReply(absl::string_view reply);

}  // namespace foundry::extraction
