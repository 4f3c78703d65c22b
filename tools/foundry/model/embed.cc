// model embed: sentence embeddings.
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/lm/embedder.h"
#include "tools/foundry/model/commands.h"
#include "tools/foundry/model/inputs.h"
#include "tools/foundry/model/matrix_file.h"
#include "tools/foundry/model/options.h"

namespace foundry::cli {
namespace {

struct Options {
  ModelOptions model;
  InputOptions input;
  std::string out;
  int batch_size = 32;
};

absl::Status Embed(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<Input> inputs, ReadInputs(options.input));
  std::vector<std::string> texts;
  for (const Input& input : inputs) {
    if (!input.text.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(input.where, ": embeddings are made of texts"));
    }
    texts.push_back(*input.text);
  }
  FOUNDRY_ASSIGN_OR_RETURN(std::filesystem::path path, FindModel(options.model));
  FOUNDRY_ASSIGN_OR_RETURN(auto embedder, lm::Embedder::Load(path, options.model.load));
  FOUNDRY_ASSIGN_OR_RETURN(lm::FloatMatrix matrix, embedder->Embed(texts, options.batch_size));
  if (!options.out.empty()) {
    FOUNDRY_RETURN_IF_ERROR(WriteMatrices(options.out, {{"embeddings", matrix}}));
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    const float* row = matrix.row(static_cast<int64_t>(i));
    PrintJson({{"text", texts[i]},
               {"dimension", matrix.cols},
               {"embedding", std::vector<float>(row, row + matrix.cols)}});
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterEmbed(Frame& frame, CLI::App* model) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      frame.Add("embed", "Unit vectors of sentences: {text, dimension, embedding}", model);
  AddModelOption(command, &options->model);
  AddInputOptions(command, "texts", false, &options->input);
  command->add_option("--device", options->model.load.device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  command->add_option("--out", options->out,
                      "safetensors file: tensor 'embeddings', F32 [texts, dimension]");
  command->add_option("--batch-size", options->batch_size, "texts computed together")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  frame.On(command, [options] { return Report(Embed(*options)); });
}

}  // namespace foundry::cli
