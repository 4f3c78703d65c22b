// ask: one question to a distilled model, beside its base.
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/dataset/prompt.h"
#include "common/lm/model_path.h"
#include "tools/foundry/commands.h"
#include "tools/foundry/model/options.h"

namespace foundry::cli {
namespace {

struct Options {
  ModelOptions model;
  std::vector<std::string> questions;
  std::string base;
  std::string topic;
  bool alone = false;
  int max_new_tokens = 96;
  Output output = Output::kTable;
};

// What each question gets from the model at `path`.
absl::StatusOr<std::vector<std::string>> Answers(const std::filesystem::path& path,
                                                 const lm::LoadOptions& load,
                                                 const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(auto model, lm::LanguageModel::Load(path, load));
  std::vector<lm::GenerateRequest> requests;
  for (const std::string& question : options.questions) {
    lm::GenerateRequest request;
    request.max_new_tokens = options.max_new_tokens;
    FOUNDRY_ASSIGN_OR_RETURN(
        request.prompt,
        model->ChatPrompt({{"user", dataset::ClosedBookPrompt(options.topic, question)}}));
    requests.push_back(std::move(request));
  }
  FOUNDRY_ASSIGN_OR_RETURN(auto results, model->Generate(requests));
  std::vector<std::string> texts;
  for (const lm::GenerateResult& result : results) texts.push_back(result.text);
  return texts;
}

// A pipeline's output folder holds the model in merged/.
absl::StatusOr<std::filesystem::path> FindDistilled(const ModelOptions& options) {
  std::error_code error;
  const std::filesystem::path merged = std::filesystem::path(options.model) / "merged";
  if (std::filesystem::is_directory(merged, error)) return lm::ResolveModel(merged.string());
  return lm::ResolveModel(options.model);
}

absl::Status Ask(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(std::filesystem::path path, FindDistilled(options.model));
  FOUNDRY_ASSIGN_OR_RETURN(auto answers, Answers(path, options.model.load, options));
  std::vector<std::string> before;
  if (!options.alone) {
    auto base = lm::ResolveModel(options.base);
    if (!base.ok()) {
      return Annotate(base.status(), "--base (or --alone to ask the one model only)");
    }
    lm::LoadOptions load = options.model.load;
    load.adapter.clear();
    FOUNDRY_ASSIGN_OR_RETURN(before, Answers(*base, load, options));
  }
  for (size_t i = 0; i < options.questions.size(); ++i) {
    if (options.output == Output::kJson) {
      Json line = {{"question", options.questions[i]}, {"answer", answers[i]}};
      if (!options.alone) line["base_answer"] = before[i];
      PrintJson(line);
      continue;
    }
    std::printf("%s%s\n", i > 0 ? "\n" : "", options.questions[i].c_str());
    if (!options.alone) std::printf("  base       %s\n", before[i].c_str());
    std::printf("  distilled  %s\n", answers[i].c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterAsk(Frame& frame) {
  auto options = std::make_shared<Options>();
  options->base = "smollm2-135m-instruct";
  CLI::App* command = frame.Add("ask", "Put questions to a distilled model, beside its base");
  command
      ->add_option("model", options->model.model,
                   "the distilled model: a pipeline's output folder, its merged/, or any model")
      ->required();
  command->add_option("questions", options->questions, "one or more questions")->required();
  command->add_option("--base", options->base, "the model that it was made from")
      ->capture_default_str();
  command->add_flag("--alone", options->alone, "ask the one model only");
  command->add_option("--adapter", options->model.load.adapter,
                      "a LoRA adapter's folder for the first model; the base goes without");
  command->add_option("--topic", options->topic,
                      "the document that is asked about, when the question doesn't name it");
  command->add_option("-n,--max-new-tokens", options->max_new_tokens, "tokens of an answer at most")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--device", options->model.load.device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  Frame::AddOutput(command, &options->output);
  frame.On(command, [options] { return Report(Ask(*options)); });
}

}  // namespace foundry::cli
