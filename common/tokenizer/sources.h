// Which file of a model a tokenizer or chat template comes from.
#pragma once

#include <filesystem>

namespace foundry::tokenizer {

// The GGUF file at `path`: itself when it is a file, model.gguf of a folder without tokenizer.json;
// empty for a Hugging Face folder.
std::filesystem::path FindGguf(const std::filesystem::path& path);

}  // namespace foundry::tokenizer
