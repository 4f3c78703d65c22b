// learning_curve: what a student answers closed-book after each epoch of one training run.
//
//   learning_curve --model FOLDER --pairs teacher_pairs.json --questions questions.jsonl
//                  --out FOLDER [--epochs 4] [--learning_rate 1e-3] [--rank 32] [--batch_size 8]
//                  [--question_weight 0.3] [--items 1] [--statements 0] [--schedule NAME]
//                  [--compute auto]
//
// Questions are for scoring only. One JSON line an epoch on stdout; steps go to stderr.
#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/dataset/prompt.h"
#include "common/dataset/topics.h"
#include "common/lm/trainer.h"
#include "services/evaluator/metrics/qa.h"
#include "services/trainer/examples.h"
#include "services/trainer/mix.h"

namespace foundry {
namespace {

using Arguments = std::map<std::string, std::string>;

double Number(const Arguments& arguments, const std::string& name, double fallback) {
  auto it = arguments.find(name);
  double value = fallback;
  if (it != arguments.end() && !absl::SimpleAtod(it->second, &value)) std::abort();
  return value;
}

std::string Text(const Arguments& arguments, const std::string& name, const char* fallback = "") {
  auto it = arguments.find(name);
  return it == arguments.end() ? fallback : it->second;
}

absl::StatusOr<Json> Ask(const lm::LanguageModel& model,
                         const std::vector<dataset::Question>& questions) {
  std::vector<lm::GenerateRequest> requests;
  for (const dataset::Question& question : questions) {
    lm::GenerateRequest request;
    FOUNDRY_ASSIGN_OR_RETURN(
        request.prompt, model.ChatPrompt({{"user", dataset::ClosedBookPrompt(question.document,
                                                                             question.question)}}));
    request.max_new_tokens = 48;
    requests.push_back(std::move(request));
  }
  FOUNDRY_ASSIGN_OR_RETURN(auto answers, model.Generate(requests));
  evaluator::QaScores mean;
  for (size_t i = 0; i < questions.size(); ++i) {
    evaluator::QaScores score = evaluator::ScoreAnswer(answers[i].text, questions[i].answers);
    mean.contains += score.contains / questions.size();
    mean.f1 += score.f1 / questions.size();
    mean.recall += score.recall / questions.size();
  }
  return Json{{"contains", mean.contains}, {"f1", mean.f1}, {"recall", mean.recall}};
}

absl::Status Run(const Arguments& arguments) {
  lm::LoadOptions load;
  FOUNDRY_ASSIGN_OR_RETURN(auto model, lm::LanguageModel::Load(Text(arguments, "model"), load));
  FOUNDRY_ASSIGN_OR_RETURN(auto pairs, dataset::ReadPairs(Text(arguments, "pairs")));
  FOUNDRY_ASSIGN_OR_RETURN(auto questions, dataset::ReadQuestions(Text(arguments, "questions")));
  FOUNDRY_ASSIGN_OR_RETURN(trainer::Mix mix, trainer::MakeMix(pairs, {.validation_share = 0}));
  dataset::WordClosedBook(dataset::Topics(), mix.train);
  if (Number(arguments, "items", 1) > 0) {
    for (auto& item : trainer::PassageItems(mix.train, {}, mix.held_out, 7)) {
      mix.train.push_back(std::move(item));
    }
  }
  FOUNDRY_ASSIGN_OR_RETURN(
      auto built,
      trainer::PairExamples(*model, mix.train,
                            {.question_loss_weight = Number(arguments, "question_weight", 0.3)}));
  if (Number(arguments, "statements", 0) > 0) {
    FOUNDRY_ASSIGN_OR_RETURN(
        auto more, trainer::PairExamples(*model, trainer::PassageStatements(mix.train, {}),
                                         {.question_loss_weight = 0}));
    built.examples.insert(built.examples.end(), more.examples.begin(), more.examples.end());
  }
  lm::TrainOptions options;
  options.epochs = Number(arguments, "epochs", 4);
  options.learning_rate = Number(arguments, "learning_rate", 1e-3);
  options.lora.rank = static_cast<int>(Number(arguments, "rank", 32));
  options.lora.alpha = 2 * options.lora.rank;
  options.batch_size = static_cast<int>(Number(arguments, "batch_size", 8));
  options.schedule = Text(arguments, "schedule", "constant_with_decay");
  const std::string compute = Text(arguments, "compute", "auto");
  options.compute = compute == "float32"    ? lm::ComputeType::kFloat32
                    : compute == "bfloat16" ? lm::ComputeType::kBFloat16
                                            : lm::ComputeType::kAuto;
  lm::StepReport last;
  int64_t steps = 0;
  double seconds = 0;
  auto since = std::chrono::steady_clock::now();
  lm::TrainHooks hooks;
  hooks.on_step = [&](const lm::StepReport& report) {
    auto now = std::chrono::steady_clock::now();
    seconds += std::chrono::duration<double>(now - since).count();
    since = now;
    last = report;
    ++steps;
    std::fprintf(stderr, "step %ld/%ld loss %.4f norm %.3f %.0f tokens/s %.2f examples/s\n",
                 report.step, report.total_steps, report.loss, report.grad_norm,
                 report.tokens_per_second, report.examples_per_second);
  };
  options.score = [&](const lm::LanguageModel& student) -> absl::StatusOr<double> {
    FOUNDRY_ASSIGN_OR_RETURN(Json line, Ask(student, questions));
    line["step"] = last.step;
    line["loss"] = last.loss;
    line["training_seconds"] = seconds;
    std::printf("%s\n", DumpJson(line).c_str());
    std::fflush(stdout);
    since = std::chrono::steady_clock::now();
    return static_cast<double>(last.step);  // the last counts: questions choose nothing
  };
  FOUNDRY_ASSIGN_OR_RETURN(Json base, Ask(*model, questions));
  base["step"] = 0;
  base["examples"] = built.examples.size();
  base["questions"] = questions.size();
  std::printf("%s\n", DumpJson(base).c_str());
  since = std::chrono::steady_clock::now();
  FOUNDRY_ASSIGN_OR_RETURN(lm::TrainSummary summary, lm::Train(*model, built.examples, {}, options,
                                                               Text(arguments, "out"), hooks, {}));
  Json end = {{"steps", summary.steps},
              {"tokens", summary.tokens},
              {"training_seconds", summary.seconds},
              {"tokens_per_second", summary.tokens / summary.seconds},
              {"peak_memory_mib", summary.peak_memory_mib}};
  std::printf("%s\n", DumpJson(end).c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace foundry

int main(int argc, char** argv) {
  foundry::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) arguments[std::string(argv[i]).substr(2)] = argv[i + 1];
  absl::Status status = foundry::Run(arguments);
  if (!status.ok()) std::fprintf(stderr, "learning_curve: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
