// Chat models and embedders by name, out of the process's one cache of weights. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/chat/chat_model.h"
#include "common/lm/model_cache.h"
#include "common/text/summary.h"

namespace foundry::chat {

struct CachedUse {
  std::string use_gpu = "auto";  // auto, true, false
  int batch_size = 16;           // sequences, or texts, computed together
  int context_window = 2048;     // tokens; longer prompts are refused
};

// fp32, so that greedy answers are the same wherever a model is used, and so that all uses share
// one copy of the weights.
absl::StatusOr<std::shared_ptr<ChatModel>> OpenCachedChat(lm::ModelCache& cache,
                                                          const std::string& name_or_path,
                                                          const CachedUse& use = {});

absl::StatusOr<text::EmbedFunction> OpenCachedEmbedder(lm::ModelCache& cache,
                                                       const std::string& name_or_path,
                                                       const CachedUse& use = {});

}  // namespace foundry::chat
