// teach, train: single stages without a job, with the settings of a pipeline file.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/config/spec.h"
#include "common/lm/model_cache.h"
#include "services/teacher/models.h"
#include "services/trainer/trainer_service.h"
#include "tools/foundry/commands.h"
#include "tools/foundry/local/local_task.h"

namespace foundry::cli {
namespace {

namespace fs = std::filesystem;
using pipeline::v1::PipelineSpec;

struct Options {
  std::vector<std::string> inputs;
  std::string documents;
  std::string adapter;
  std::string output;
  std::vector<std::string> settings;
};

// Defaults of the settings, with --set over them; `input` makes the spec a complete one.
absl::StatusOr<PipelineSpec> SpecOf(const Options& options, const std::string& input) {
  std::vector<std::string> files = options.inputs;
  if (!options.documents.empty()) files.push_back(options.documents);
  if (!options.adapter.empty()) files.push_back(options.adapter);
  for (const std::string& file : files) {
    std::error_code error;
    if (file.empty() || !fs::exists(file, error)) {
      return absl::NotFoundError(absl::StrCat("\"", file, "\": no such file or folder"));
    }
  }
  std::vector<std::string> settings = {absl::StrCat(input, "=", options.inputs.front())};
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  return config::ParseSpec("{}", "command line", fs::current_path(),
                           {.set = settings, .environment = config::ProcessEnvironment()});
}

absl::StatusOr<int> RunStage(const Options& options, const worker::Stage& stage,
                             const worker::StageRequest& request) {
  FOUNDRY_ASSIGN_OR_RETURN(const auto task, LocalTask::Make(options.output));
  FOUNDRY_ASSIGN_OR_RETURN(const worker::StageOutput result, task->Run(stage, request));
  for (const std::string& warning : result.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  PrintJson({{"output", fs::absolute(options.output).string()},
             {"counts", result.counts},
             {"figures", result.figures}});
  return kOk;
}

absl::StatusOr<int> Teach(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const PipelineSpec spec, SpecOf(options, "inputs.enriched_data"));
  worker::StageRequest request;
  auto& pairs = *request.mutable_generate_pairs();
  pairs.mutable_documents()->set_path(fs::absolute(options.inputs.front()).string());
  *pairs.mutable_teachers() = spec.models().teachers();
  pairs.mutable_embedder()->set_name(spec.models().embedder());
  *pairs.mutable_settings() = spec.teacher();
  pairs.set_max_samples(spec.teacher().max_samples());
  pairs.set_batch_size(spec.teacher().batch_size());
  pairs.set_seed(spec.seed());
  pairs.set_use_gpu(spec.use_gpu());
  const auto models = std::make_shared<lm::ModelCache>();
  return RunStage(options, teacher::MakeTeacherStage(teacher::CachedModels(models)), request);
}

absl::StatusOr<int> Train(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const PipelineSpec spec, SpecOf(options, "inputs.teacher_pairs"));
  worker::StageRequest request;
  auto& train = *request.mutable_train();
  train.mutable_student()->set_name(spec.models().student());
  if (!options.adapter.empty()) {
    train.mutable_student()->mutable_adapter()->set_path(fs::absolute(options.adapter).string());
  }
  for (const std::string& input : options.inputs) {
    train.add_pairs()->set_path(fs::absolute(input).string());
  }
  if (!options.documents.empty()) {
    train.mutable_documents()->set_path(fs::absolute(options.documents).string());
  }
  *train.mutable_settings() = spec.distillation();
  train.set_soft_teacher(spec.models().soft_teacher());
  train.set_batch_size(spec.distillation().batch_size());
  train.set_max_samples(spec.distillation().max_samples());
  train.set_seed(spec.seed());
  train.set_use_gpu(spec.use_gpu());
  return RunStage(options, trainer::MakeTrainerStage(), request);
}

}  // namespace

void RegisterTrain(Frame& frame) {
  struct Row {
    const char* name;
    const char* help;
    const char* input;
    const char* input_help;
    absl::StatusOr<int> (*body)(const Options&);
  };
  const Row rows[] = {
      {"teach", "Make questions and answers from documents, without a job", "--documents",
       "documents.jsonl or enriched_data.json", &Teach},
      {"train", "Train an adapter on pairs, without a job; interrupted, it resumes", "--pairs",
       "teacher_pairs.json or pairs.jsonl; several are joined", &Train},
  };
  for (const Row& row : rows) {
    auto options = std::make_shared<Options>();
    CLI::App* command = frame.Add(row.name, row.help);
    command->add_option(row.input, options->inputs, row.input_help)->required();
    command->add_option("--output", options->output, "folder of the results")->required();
    command->add_option("--set", options->settings, "a pipeline setting: distillation.epochs=2");
    if (row.body == &Train) {
      command->add_option("--documents", options->documents, "documents behind the pairs");
      command->add_option("--adapter", options->adapter, "PEFT folder to go on from");
    }
    frame.On(command, [options, body = row.body] {
      const absl::StatusOr<int> code = body(*options);
      return code.ok() ? *code : Report(code.status());
    });
  }
}

}  // namespace foundry::cli
