// The formats that are damaged: what a file of each is called and how it is read.
#pragma once

#include <string_view>

#include "tests/fuzz/targets.h"

namespace foundry::fuzz {

struct Format {
  std::string_view name;  // also the folder of its files under seeds/
  std::string_view file;  // what the reader looks for
  bool folder;            // whether the reader is given the file's folder
  absl::Status (*read)(const std::filesystem::path&);
};

inline constexpr Format kFormats[] = {
    {"safetensors", "model.safetensors", false, ReadSafetensors},
    {"gguf", "model.gguf", false, ReadGguf},
    {"tokenizer", "tokenizer.json", true, ReadTokenizer},
    {"config", "config.json", true, ReadConfig},
    {"template", "chat_template.jinja", true, ReadTemplate},
};

// The status of reading `format`'s file in `folder`.
inline absl::Status Read(const Format& format, const std::filesystem::path& folder) {
  return format.read(format.folder ? folder : folder / format.file);
}

}  // namespace foundry::fuzz
