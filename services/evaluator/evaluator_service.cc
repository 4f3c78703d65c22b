#include "services/evaluator/evaluator_service.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/worker/decode.h"
#include "services/evaluator/evaluate.h"
#include "services/evaluator/gain.h"
#include "services/evaluator/report/results.h"
#include "services/evaluator/report/writer.h"

namespace foundry::evaluator {
namespace {

using worker::StageOutput;
using worker::TaskContext;

absl::StatusOr<DatasetChoice> DecodeDataset(const pipeline::v1::Dataset& dataset,
                                            TaskContext& context) {
  DatasetChoice choice;
  choice.name = dataset.name();
  if (dataset.has_builtin()) {
    if (dataset.builtin() != "heldout_pairs") {
      return absl::InvalidArgumentError(absl::StrCat(
          "unknown built-in data set \"", dataset.builtin(), "\"; known is heldout_pairs"));
    }
    choice.kind = TaskKind::kHeldOut;
    return choice;
  }
  std::string path;
  if (dataset.has_qa()) {
    path = dataset.qa();
  } else if (dataset.has_commands()) {
    choice.kind = TaskKind::kCommand;
    path = dataset.commands();
  } else if (dataset.has_domain()) {
    choice.kind = TaskKind::kDomain;
    path = dataset.domain();
  } else {
    return absl::InvalidArgumentError("a data set names none of builtin, qa, commands, domain");
  }
  FOUNDRY_ASSIGN_OR_RETURN(choice.path, context.Fetch({.path = path}));
  return choice;
}

absl::StatusOr<EvaluateOptions> Decode(const v1::EvaluateRequest& request, TaskContext& context) {
  EvaluateOptions options;
  options.label = request.label().empty() ? "model" : request.label();
  for (const auto& dataset : request.datasets()) {
    FOUNDRY_ASSIGN_OR_RETURN(DatasetChoice choice, DecodeDataset(dataset, context));
    options.datasets.push_back(std::move(choice));
  }
  if (request.has_pairs()) {
    FOUNDRY_ASSIGN_OR_RETURN(options.pairs, context.Fetch(worker::FromProto(request.pairs())));
  }
  if (request.has_documents()) {
    FOUNDRY_ASSIGN_OR_RETURN(options.documents,
                             context.Fetch(worker::FromProto(request.documents())));
  }
  const pipeline::v1::Evaluation& settings = request.settings();
  if (settings.judges_size() > 0)
    options.judges = {settings.judges().begin(), settings.judges().end()};
  if (settings.has_max_new_tokens()) options.max_new_tokens = settings.max_new_tokens();
  options.max_samples = settings.has_max_samples() ? settings.max_samples() : request.max_samples();
  if (!request.split().empty()) options.split = request.split();
  options.seed = static_cast<uint64_t>(request.seed());

  ModelChoice local;
  if (!request.use_gpu().empty()) local.use_gpu = request.use_gpu();
  if (request.batch_size() > 0) local.batch_size = request.batch_size();
  if (settings.has_batch_size()) local.batch_size = settings.batch_size();
  options.model = options.embedder = local;
  if (request.has_teacher()) {
    options.teacher = worker::DecodeTeacher(request.teacher());
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(const worker::ModelFiles files,
                             worker::FetchModel(request.model(), context));
    options.model.model = files.model;
    options.model.adapter = files.adapter;
  }
  if (request.has_judge()) options.judge = worker::DecodeTeacher(request.judge());
  if (request.has_embedder()) {
    FOUNDRY_ASSIGN_OR_RETURN(const worker::ModelFiles files,
                             worker::FetchModel(request.embedder(), context));
    options.embedder.model = files.model;
  }
  return options;
}

absl::StatusOr<StageOutput> HandleEvaluate(const v1::EvaluateRequest& request,
                                           const ModelAccess& models, TaskContext& context) {
  FOUNDRY_ASSIGN_OR_RETURN(const EvaluateOptions options, Decode(request, context));
  RunHooks hooks;
  hooks.cancel = context.cancel();
  hooks.progress = [&context](double done, double total, const std::string& message) {
    context.Progress({done, total, "questions", message});
  };
  FOUNDRY_ASSIGN_OR_RETURN(RunResult result,
                           Evaluate(options, models, hooks, context.scratch(), context.output()));
  StageOutput output;
  output.counts = std::move(result.counts);
  output.figures = std::move(result.figures);
  output.warnings = std::move(result.warnings);
  if (!request.has_baseline()) return output;
  FOUNDRY_ASSIGN_OR_RETURN(const auto folder, context.Fetch(worker::FromProto(request.baseline())));
  FOUNDRY_ASSIGN_OR_RETURN(const Evaluation before, ReadEvaluation(folder));
  FOUNDRY_ASSIGN_OR_RETURN(const Evaluation after, ReadEvaluation(context.output()));
  const PairedDifference gain = GainOver(before.answers, after.answers, options.seed);
  output.figures["gain"] = gain.difference.mean;
  output.figures["gain_p"] = gain.p_value;
  output.counts["gained"] = gain.gained;
  output.counts["lost"] = gain.lost;
  return output;
}

absl::StatusOr<StageOutput> HandleReport(const v1::ReportRequest& request, TaskContext& context) {
  ReportInput input;
  input.title = request.title();
  input.seed = static_cast<uint64_t>(request.seed());
  for (const auto& count : request.counts()) input.counts[count.name()] = count.value();
  input.warnings = {request.warnings().begin(), request.warnings().end()};
  for (const auto& ref : request.evaluations()) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto folder, context.Fetch(worker::FromProto(ref)));
    FOUNDRY_ASSIGN_OR_RETURN(Evaluation evaluation, ReadEvaluation(folder));
    input.evaluations.push_back(std::move(evaluation));
  }
  // The message's map has no order; labels have.
  const std::map<std::string, common::v1::Input> curves(request.curves().begin(),
                                                        request.curves().end());
  for (const auto& [label, ref] : curves) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto file, context.Fetch(worker::FromProto(ref)));
    FOUNDRY_ASSIGN_OR_RETURN(Curve curve, ReadCurve(label, file));
    input.curves.push_back(std::move(curve));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Json results, WriteReport(input, context.output()));
  StageOutput output;
  for (const Json& set : results["datasets"]) {
    const std::string primary = set["primary"];
    for (const auto& [label, summary] : set["models"].items()) {
      if (!summary["metrics"].contains(primary)) continue;
      output.figures[absl::StrCat(set["name"].get<std::string>(), ".", label)] =
          summary["metrics"][primary]["mean"];
    }
  }
  output.counts["models"] = static_cast<int64_t>(input.evaluations.size());
  return output;
}

}  // namespace

worker::Stage MakeEvaluatorStage(ModelAccess models) {
  worker::Stage stage;
  stage.name = "evaluator";
  stage.handlers[worker::StageRequest::kEvaluate] = [models](const worker::StageRequest& request,
                                                             TaskContext& context) {
    return HandleEvaluate(request.evaluate(), models, context);
  };
  stage.handlers[worker::StageRequest::kReport] = [](const worker::StageRequest& request,
                                                     TaskContext& context) {
    return HandleReport(request.report(), context);
  };
  return stage;
}

}  // namespace foundry::evaluator
