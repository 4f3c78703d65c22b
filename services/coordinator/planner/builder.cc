#include "services/coordinator/planner/builder.h"

#include "services/coordinator/planner/fingerprint.h"

namespace foundry::coordinator {
namespace {

struct Kind {
  const char* stage;
  bool gpu;  // whether a GPU matters
};

Kind KindOf(const v1::StageRequest& request) {
  using v1::StageRequest;
  switch (request.request_case()) {
    case StageRequest::kExtract:
    case StageRequest::kEnrich:
      return {"extraction", false};
    case StageRequest::kGeneratePairs:
      return {"teacher", request.generate_pairs().parts().empty()};
    case StageRequest::kTrain:
      return {kTrainerStage, true};
    case StageRequest::kMerge:
      return {"merger", true};
    case StageRequest::kStudy:
      return {"self_study", true};
    case StageRequest::kMix:
      return {"self_study", false};
    case StageRequest::kEvaluate:
      return {"evaluator", true};
    case StageRequest::kReport:
    case StageRequest::REQUEST_NOT_SET:
      return {"evaluator", false};
  }
  return {"evaluator", false};
}

}  // namespace

PlanBuilder::PlanBuilder(const PipelineSpec& spec, const InputFacts& facts,
                         const Decisions& decisions, const std::vector<FinishedTask>& finished)
    : spec(spec), facts(facts), decisions(decisions) {
  for (const FinishedTask& task : finished) finished_[{task.step, task.key}] = &task;
  const auto& inputs = spec.inputs();
  if (inputs.has_enriched_data()) documents = PathInput(inputs.enriched_data());
  if (inputs.has_teacher_pairs()) pairs = PathInput(inputs.teacher_pairs());
  if (inputs.has_adapter()) adapter = PathInput(inputs.adapter());
  if (inputs.has_merged_model()) merged = PathInput(inputs.merged_model());
}

const FinishedTask* PlanBuilder::Run(absl::string_view key, const v1::StageRequest& request,
                                     double weight) {
  const auto found = finished_.find({step->name, std::string(key)});
  if (found != finished_.end()) return found->second;
  const Kind kind = KindOf(request);
  PlannedTask task;
  task.step = step->name;
  task.key = std::string(key);
  task.stage = kind.stage;
  task.needs_gpu = kind.gpu && spec.use_gpu() == "true";
  task.weight = weight;
  task.fingerprint = Fingerprint(request, facts);
  task.request = request;
  plan.tasks.push_back(std::move(task));
  return nullptr;
}

ModelRef PlanBuilder::Base() const {
  ModelRef model;
  if (spec.inputs().has_merged_model()) {
    *model.mutable_files() = PathInput(spec.inputs().merged_model());
  } else {
    model.set_name(spec.models().student());
  }
  return model;
}

ModelRef PlanBuilder::WithAdapter(const std::optional<Input>& adapter) const {
  ModelRef model = Base();
  if (adapter.has_value()) *model.mutable_adapter() = *adapter;
  return model;
}

ModelRef PlanBuilder::Embedder() const {
  ModelRef model;
  model.set_name(spec.models().embedder());
  return model;
}

const pipeline::v1::Teacher* PlanBuilder::ChatTeacher() const {
  for (const auto& teacher : spec.models().teachers()) {
    if (teacher.model() != "extractive") return &teacher;
  }
  return nullptr;
}

Input OutputOf(const FinishedTask& task, absl::string_view name) {
  Input input;
  input.set_manifest(task.manifest);
  input.set_name(std::string(name));
  return input;
}

Input PathInput(const std::string& path) {
  Input input;
  input.set_path(path);
  return input;
}

}  // namespace foundry::coordinator
