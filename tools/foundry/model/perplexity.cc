// model perplexity: how well a model foresees texts.
#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "tools/foundry/model/commands.h"
#include "tools/foundry/model/inputs.h"
#include "tools/foundry/model/options.h"

namespace foundry::cli {
namespace {

struct Options {
  ModelOptions model;
  InputOptions input;
  int64_t window = 0;
};

// Summed negative log-likelihood of ids[1..]. A text longer than the window is scored in windows
// that overlap by half, so that every token but the first ones sees at least half a window.
absl::StatusOr<double> Nll(const lm::LanguageModel& model, const std::vector<int32_t>& ids,
                           int64_t window) {
  const auto n = static_cast<int64_t>(ids.size());
  if (n <= window) {
    FOUNDRY_ASSIGN_OR_RETURN(double mean, model.MeanNll(ids));
    return mean * static_cast<double>(n - 1);
  }
  std::vector<lm::ScoreRequest> requests;
  for (int64_t scored = 1; scored < n;) {
    const int64_t end = std::min(n, scored == 1 ? window : scored + window / 2);
    const int64_t begin = std::max<int64_t>(0, end - window);
    requests.push_back(
        {{ids.begin() + begin, ids.begin() + scored}, {ids.begin() + scored, ids.begin() + end}});
    scored = end;
  }
  FOUNDRY_ASSIGN_OR_RETURN(auto scores, model.Score(requests));
  double sum = 0;
  for (const lm::ScoreResult& score : scores) sum += score.nll;
  return sum;
}

absl::Status Perplexity(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<Input> inputs, ReadInputs(options.input));
  FOUNDRY_ASSIGN_OR_RETURN(auto model, LoadModel(options.model));
  int64_t window = model->config().max_positions;
  if (options.window > 0) window = std::min(window, options.window);
  for (const Input& input : inputs) {
    FOUNDRY_ASSIGN_OR_RETURN(auto ids, IdsOf(input, model->tokenizer(), options.input));
    if (ids.size() < 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          input.where, ": perplexity needs at least two tokens, this has ", ids.size()));
    }
    const absl::StatusOr<double> nll = Nll(*model, ids, window);
    if (!nll.ok()) return Annotate(nll.status(), input.where);
    const double mean = *nll / static_cast<double>(ids.size() - 1);
    PrintJson({{"tokens", ids.size()},
               {"scored", ids.size() - 1},
               {"nll", *nll},
               {"mean_nll", mean},
               {"perplexity", std::exp(mean)}});
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterPerplexity(Frame& frame, CLI::App* model) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      frame.Add("perplexity",
                "How well texts are foreseen: {tokens, scored, nll, mean_nll, perplexity}", model);
  AddModelOptions(command, &options->model);
  AddInputOptions(command, "texts", true, &options->input);
  command->add_option("--window", options->window, "tokens seen at once; 0: all the model can")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 30));
  frame.On(command, [options] { return Report(Perplexity(*options)); });
}

}  // namespace foundry::cli
