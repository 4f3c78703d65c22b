// The model that a `foundry model` command works with.
#pragma once

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "common/lm/language_model.h"
#include "common/lm/types.h"

namespace foundry::cli {

struct ModelOptions {
  std::string model;
  lm::LoadOptions load;
};

// --model alone, or with --adapter, --adapter-scale, --device and --compute.
void AddModelOption(CLI::App* command, ModelOptions* options);
void AddModelOptions(CLI::App* command, ModelOptions* options);

// The folder or file that --model names. NotFound says where it was looked for.
absl::StatusOr<std::filesystem::path> FindModel(const ModelOptions& options);
absl::StatusOr<std::shared_ptr<lm::LanguageModel>> LoadModel(const ModelOptions& options);

}  // namespace foundry::cli
