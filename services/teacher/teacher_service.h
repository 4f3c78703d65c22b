// The teacher stage: decodes GeneratePairs requests and runs the domain code behind both doors.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/chat/chat_model.h"
#include "common/worker/stage.h"
#include "services/teacher/options.h"

namespace foundry::teacher {

// How a local model is to run.
struct LocalUse {
  std::string use_gpu = "auto";  // auto, true, false
  int batch_size = 16;           // prompts generated together
  int context_window = 2048;     // tokens
};

// Where models come from; lm::ModelCache in the processes, fakes in tests. Thread-safe.
struct ModelAccess {
  std::function<absl::StatusOr<std::shared_ptr<chat::ChatModel>>(const std::string& name_or_path,
                                                                 const LocalUse& use)>
      open_chat;
  std::function<absl::StatusOr<EmbedFunction>(const std::string& name_or_path, const LocalUse& use)>
      open_embedder;
};

// Stage "teacher" with the handler of GeneratePairs: pairs of a shard, the join of `parts`, or the
// filling of `pairs`. Output: pairs.jsonl and teacher_pairs.json.
worker::Stage MakeTeacherStage(ModelAccess models);

}  // namespace foundry::teacher
