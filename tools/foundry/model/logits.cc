// model logits: what the model expects after each token.
#include <algorithm>
#include <memory>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
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
  int top = 5;
};

Json Likeliest(const lm::FloatMatrix& logits, const tokenizer::Tokenizer& tokenizer, int count) {
  const float* row = logits.row(logits.rows - 1);
  std::vector<int32_t> ids(static_cast<size_t>(logits.cols));
  std::iota(ids.begin(), ids.end(), 0);
  const auto keep = std::min<std::ptrdiff_t>(count, static_cast<std::ptrdiff_t>(ids.size()));
  std::partial_sort(ids.begin(), ids.begin() + keep, ids.end(), [row](int32_t a, int32_t b) {
    return row[a] != row[b] ? row[a] > row[b] : a < b;
  });
  Json list = Json::array();
  for (std::ptrdiff_t i = 0; i < keep; ++i) {
    list.push_back(
        {{"id", ids[i]}, {"token", tokenizer.TokenText(ids[i])}, {"logit", row[ids[i]]}});
  }
  return list;
}

absl::Status Logits(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<Input> inputs, ReadInputs(options.input));
  FOUNDRY_ASSIGN_OR_RETURN(auto model, LoadModel(options.model));
  std::vector<std::pair<std::string, lm::FloatMatrix>> tensors;
  std::vector<Json> lines;
  for (size_t i = 0; i < inputs.size(); ++i) {
    FOUNDRY_ASSIGN_OR_RETURN(auto ids, IdsOf(inputs[i], model->tokenizer(), options.input));
    if (ids.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(inputs[i].where, ": there are no tokens"));
    }
    absl::StatusOr<lm::FloatMatrix> logits = model->Logits(ids);
    if (!logits.ok()) return Annotate(logits.status(), inputs[i].where);
    Json line = {{"ids", ids},
                 {"shape", {logits->rows, logits->cols}},
                 {"next", Likeliest(*logits, model->tokenizer(), options.top)}};
    if (!options.out.empty()) {
      line["out"] = options.out;
      line["tensor"] = inputs.size() == 1 ? "logits" : absl::StrCat("logits.", i);
      tensors.emplace_back(line["tensor"].get<std::string>(), *std::move(logits));
    }
    lines.push_back(std::move(line));
  }
  if (!options.out.empty()) FOUNDRY_RETURN_IF_ERROR(WriteMatrices(options.out, tensors));
  for (const Json& line : lines) PrintJson(line);
  return absl::OkStatus();
}

}  // namespace

void RegisterLogits(Frame& frame, CLI::App* model) {
  auto options = std::make_shared<Options>();
  CLI::App* command = frame.Add(
      "logits", "What is expected after each token: {ids, shape, next, out, tensor}", model);
  AddModelOptions(command, &options->model);
  AddInputOptions(command, "texts", true, &options->input);
  command->add_option("--out", options->out,
                      "safetensors file for all logits: tensor 'logits', F32 [tokens, vocabulary], "
                      "row i follows token i ('logits.0', 'logits.1', … of several inputs)");
  command->add_option("--top", options->top, "likeliest next tokens to print")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  frame.On(command, [options] { return Report(Logits(*options)); });
}

}  // namespace foundry::cli
