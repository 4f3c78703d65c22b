// What is done with a file that may be damaged: it is opened and read to the end. Each returns the
// status of the first step that fails.
#pragma once

#include <filesystem>

#include "absl/status/status.h"

namespace foundry::fuzz {

absl::Status ReadSafetensors(const std::filesystem::path& file);
absl::Status ReadGguf(const std::filesystem::path& file);         // as a model and as a vocabulary
absl::Status ReadTokenizer(const std::filesystem::path& folder);  // tokenizer.json, chat template
absl::Status ReadConfig(const std::filesystem::path& folder);     // config.json
absl::Status ReadTemplate(const std::filesystem::path& folder);   // chat_template.jinja

}  // namespace foundry::fuzz
