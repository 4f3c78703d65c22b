// A model's chat template and what belongs to it, from its files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tokenizer/chat_template.h"

namespace foundry::tokenizer {

struct TemplateSource {
  std::string text;  // Jinja; "" when the model has none
  SpecialTokens tokens;
  std::vector<std::string> ends;  // as ChatTemplate::FromSource takes them
};

// From a Hugging Face folder or GGUF file, as transformers finds it.
absl::StatusOr<TemplateSource> FindTemplateSource(const std::filesystem::path& path);

}  // namespace foundry::tokenizer
