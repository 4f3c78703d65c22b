// Where a data set named by the user lies. Thread-safe (reads the environment and the file system).
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace foundry::extraction {

// `name` is a path, or a name such as openai/openai_humaneval in the Hugging Face cache
// ($HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub).
// NotFound lists every place looked at.
absl::StatusOr<std::string> ResolveDataset(const std::string& name);

}  // namespace foundry::extraction
