// evaluate: asks a model questions, without a job.
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/lm/model_cache.h"
#include "services/evaluator/evaluate.h"
#include "services/evaluator/report/writer.h"
#include "tools/foundry/commands.h"

namespace foundry::cli {
namespace {

using evaluator::DatasetChoice;
using evaluator::TaskKind;

struct Options {
  std::string model, adapter, base;
  std::vector<std::string> qa, commands, domain;
  std::string pairs, split = "test", documents;
  std::vector<std::string> judges = {"exact", "f1"};
  std::string embedder = "all-minilm-l6-v2";
  std::string output, title = "Evaluation", use_gpu = "auto";
  int max_new_tokens = 48, batch_size = 16;
  int64_t max_samples = 0, seed = 7;
};

evaluator::EvaluateOptions EvaluateOptionsOf(const Options& options) {
  evaluator::EvaluateOptions result;
  for (const std::string& path : options.qa) result.datasets.push_back({TaskKind::kQa, path, ""});
  for (const std::string& path : options.commands) {
    result.datasets.push_back({TaskKind::kCommand, path, ""});
  }
  for (const std::string& path : options.domain) {
    result.datasets.push_back({TaskKind::kDomain, path, ""});
  }
  if (!options.pairs.empty()) result.datasets.push_back({TaskKind::kHeldOut, "", ""});
  result.pairs = options.pairs;
  result.split = options.split;
  result.documents = options.documents;
  result.judges = options.judges;
  result.max_new_tokens = options.max_new_tokens;
  result.max_samples = options.max_samples;
  result.seed = static_cast<uint64_t>(options.seed);
  result.model.use_gpu = result.embedder.use_gpu = options.use_gpu;
  result.model.batch_size = result.embedder.batch_size = options.batch_size;
  result.embedder.model = options.embedder;
  return result;
}

// The last line of stderr on a terminal; nothing in a log.
void ShowProgress(const std::string& label, double done, double total, const std::string& message) {
  if (!isatty(STDERR_FILENO)) return;
  std::fprintf(stderr, "\r\033[K%s: %s, %.0f of %.0f questions", label.c_str(), message.c_str(),
               done, total);
}

absl::StatusOr<evaluator::Evaluation> EvaluateOne(evaluator::EvaluateOptions options,
                                                  const evaluator::ModelAccess& models,
                                                  const std::filesystem::path& folder) {
  evaluator::RunHooks hooks;
  hooks.progress = [&options](double done, double total, const std::string& message) {
    ShowProgress(options.label, done, total, message);
  };
  const absl::StatusOr<evaluator::RunResult> result =
      Evaluate(options, models, hooks, folder / "scratch", folder / "out");
  if (isatty(STDERR_FILENO)) std::fputs("\r\033[K", stderr);
  FOUNDRY_RETURN_IF_ERROR(Annotate(result.status(), options.model.model));
  for (const std::string& warning : result->warnings) {
    std::fprintf(stderr, "%s: %s\n", options.label.c_str(), warning.c_str());
  }
  return evaluator::ReadEvaluation(folder / "out");
}

absl::StatusOr<Json> EvaluateAll(const Options& options) {
  const evaluator::ModelAccess models = evaluator::CachedModels(std::make_shared<lm::ModelCache>());
  FOUNDRY_ASSIGN_OR_RETURN(const TempFolder work, TempFolder::Make());
  evaluator::ReportInput input;
  input.title = options.title;
  input.seed = static_cast<uint64_t>(options.seed);
  evaluator::EvaluateOptions evaluate = EvaluateOptionsOf(options);
  if (!options.base.empty()) {
    evaluate.label = "base";
    evaluate.model.model = options.base;
    FOUNDRY_ASSIGN_OR_RETURN(evaluator::Evaluation base,
                             EvaluateOne(evaluate, models, work.path() / "base"));
    input.evaluations.push_back(std::move(base));
  }
  evaluate.label = options.base.empty() ? "model" : "distilled";
  evaluate.model.model = options.model;
  evaluate.model.adapter = options.adapter;
  FOUNDRY_ASSIGN_OR_RETURN(evaluator::Evaluation model,
                           EvaluateOne(evaluate, models, work.path() / "model"));
  input.evaluations.push_back(std::move(model));
  if (options.output.empty()) return evaluator::JoinResults(input);
  FOUNDRY_ASSIGN_OR_RETURN(Json results, evaluator::WriteReport(input, options.output));
  std::fprintf(stderr, "report: %s\n",
               (std::filesystem::path(options.output) / "report.html").c_str());
  return results;
}

int Run(const Options& options) {
  if (options.qa.empty() && options.commands.empty() && options.domain.empty() &&
      options.pairs.empty()) {
    return Report(absl::InvalidArgumentError(
        "there is nothing to ask: name a file with --qa, --commands, --domain or --pairs"));
  }
  const absl::StatusOr<Json> results = EvaluateAll(options);
  if (!results.ok()) return Report(results.status());
  PrintJson(*results);
  return kOk;
}

}  // namespace

void RegisterEvaluate(Frame& frame) {
  auto options = std::make_shared<Options>();
  CLI::App* command = frame.Add("evaluate", "Ask a model questions, score its answers, print JSON");
  command->add_option("--model", options->model, "folder, GGUF file or name")->required();
  command->add_option("--adapter", options->adapter, "PEFT folder on the model");
  command->add_option("--base", options->base, "model to compare with: before and after");
  command->add_option("--qa", options->qa,
                      "JSONL of {question, answers[], id?, title?, passage?, type?}");
  command->add_option("--commands", options->commands, "JSONL of {nl, cmd}");
  command->add_option("--domain", options->domain,
                      "JSONL of {prompt, must_contain[] | matches | answers[]}");
  command->add_option("--pairs", options->pairs,
                      "teacher_pairs.json, whose held-out split is asked");
  command->add_option("--split", options->split, "split of --pairs")
      ->check(CLI::IsMember({"dev", "test"}));
  command->add_option("--documents", options->documents,
                      "documents.jsonl or enriched_data.json, for the perplexity");
  command->add_option("--judges", options->judges, "exact, f1, embedding, http(s)://…")
      ->delimiter(',');
  command->add_option("--embedder", options->embedder, "model of the judge embedding");
  command->add_option("--max-new-tokens", options->max_new_tokens, "longest answer")
      ->check(CLI::Range(1, 8192));
  command
      ->add_option("--max-samples", options->max_samples,
                   "at most this many questions a file; 0 = all")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--batch-size", options->batch_size, "questions answered together")
      ->check(CLI::Range(1, 4096));
  command->add_option("--seed", options->seed, "seed of the bootstrap")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--use-gpu", options->use_gpu, "auto, true or false")
      ->check(CLI::IsMember({"auto", "true", "false"}));
  command->add_option("--title", options->title, "title of the report");
  command->add_option("--output", options->output,
                      "folder for report.html, evaluation_results.json, answers/");
  frame.On(command, [options] { return Run(*options); });
}

}  // namespace foundry::cli
