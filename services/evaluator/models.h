// Where the evaluator and self-study get their models: lm::ModelCache in the processes, fakes in
// tests. Free of protobuf. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/chat/chat_model.h"
#include "common/chat/open.h"
#include "services/evaluator/judges.h"
#include "services/evaluator/runner.h"

namespace foundry::lm {
class ModelCache;
}

namespace foundry::evaluator {

struct ModelChoice {
  std::string model;             // path, or a name for lm::ResolveModel
  std::string adapter;           // PEFT folder; empty: none
  std::string use_gpu = "auto";  // auto, true, false
  int batch_size = 16;           // sequences under way at once
};

struct OpenedModel {
  std::shared_ptr<chat::ChatModel> chat;
  std::function<absl::StatusOr<TextNll>(const std::string& text)> nll;
};

struct ModelAccess {
  std::function<absl::StatusOr<OpenedModel>(const ModelChoice& choice)> open_model;
  std::function<absl::StatusOr<EmbedTexts>(const ModelChoice& choice)> open_embedder;
};

// Local models through the process's cache, in fp32: greedy answers do not depend on which path a
// probe found faster.
ModelAccess CachedModels(std::shared_ptr<lm::ModelCache> cache);

// The teachers that chat, as one model; null when all of them are extractive. `batch_size` and
// `use_gpu` are for local weights.
absl::StatusOr<std::shared_ptr<chat::ChatModel>> OpenChatTeachers(
    const std::vector<chat::TeacherConfig>& teachers, const ModelAccess& models,
    const ModelChoice& local);

}  // namespace foundry::evaluator
