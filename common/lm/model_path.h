// Where a model named by the user lies.
//
// Thread-safe (reads the environment and the file system).
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::lm {

// `name` is a path (folder or GGUF file) or a name, looked up in this order:
//   1. $FOUNDRY_MODELS/<name>
//   2. models/<name> in the current folder, and in the folders above the running program
//   3. the Hugging Face cache ($HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub,
//      ~/.cache/huggingface/hub): models--<org>--<name>, the snapshot of refs/main
// A folder counts when it holds config.json or model.gguf. NotFound lists every place looked at.
absl::StatusOr<std::filesystem::path> ResolveModel(absl::string_view name);

}  // namespace foundry::lm
