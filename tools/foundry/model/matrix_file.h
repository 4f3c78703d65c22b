// Matrices as a safetensors file.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/lm/types.h"

namespace foundry::cli {

// Tensors by name, F32 [rows, cols] each. A file of that name is replaced.
absl::Status WriteMatrices(const std::filesystem::path& path,
                           const std::vector<std::pair<std::string, lm::FloatMatrix>>& matrices);

}  // namespace foundry::cli
