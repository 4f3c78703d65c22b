#include "tools/foundry/model/options.h"

#include <map>

#include "common/base/status.h"
#include "common/lm/model_path.h"

namespace foundry::cli {

void AddModelOption(CLI::App* command, ModelOptions* options) {
  command
      ->add_option("-m,--model", options->model,
                   "a Hugging Face folder, a GGUF file, or a name found under $FOUNDRY_MODELS, "
                   "models/ or the Hugging Face cache")
      ->required();
}

void AddModelOptions(CLI::App* command, ModelOptions* options) {
  AddModelOption(command, options);
  command->add_option("--adapter", options->load.adapter, "a LoRA adapter's folder (PEFT format)");
  command->add_option("--adapter-scale", options->load.adapter_scale, "factor on the adapter")
      ->capture_default_str();
  command->add_option("--device", options->load.device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  static const std::map<std::string, lm::ComputeType> names = {
      {"float32", lm::ComputeType::kFloat32},
      {"bfloat16", lm::ComputeType::kBFloat16},
      {"auto", lm::ComputeType::kAuto}};
  command->add_option("--compute", options->load.compute, "float32, bfloat16, or auto: the faster")
      ->transform(CLI::CheckedTransformer(names, CLI::ignore_case))
      ->default_str("float32");
}

absl::StatusOr<std::filesystem::path> FindModel(const ModelOptions& options) {
  return lm::ResolveModel(options.model);
}

absl::StatusOr<std::shared_ptr<lm::LanguageModel>> LoadModel(const ModelOptions& options) {
  FOUNDRY_ASSIGN_OR_RETURN(std::filesystem::path path, FindModel(options));
  return lm::LanguageModel::Load(path, options.load);
}

}  // namespace foundry::cli
