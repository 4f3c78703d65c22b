// What the functions that plan one step each share. Internal to the planner.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/coordinator/planner/decide.h"
#include "services/coordinator/planner/planner.h"

namespace foundry::coordinator {

using common::v1::Input;
using common::v1::ModelRef;
using pipeline::v1::PipelineSpec;

class PlanBuilder {
 public:
  PlanBuilder(const PipelineSpec& spec, const InputFacts& facts, const Decisions& decisions,
              const std::vector<FinishedTask>& finished);

  // The task when it is finished; else it joins the plan and the answer is null.
  const FinishedTask* Run(absl::string_view key, const v1::StageRequest& request,
                          double weight = 1);

  // Where the planning stands; the step functions call Run for this step.
  PlannedStep* step = nullptr;

  const PipelineSpec& spec;
  const InputFacts& facts;
  const Decisions& decisions;
  Plan plan;

  // What the steps so far have made or the user handed in.
  std::optional<Input> documents;
  std::optional<Input> pairs;
  std::optional<Input> adapter;
  std::optional<Input> merged;         // a merged model folder
  std::optional<ModelRef> self_study;  // the best round's model, whether it won or not
  bool self_study_won = false;         // it is what merged/ holds
  std::vector<std::pair<std::string, Input>> curves;  // label, metrics.jsonl
  std::vector<std::string> warnings;                  // for the report

  // The model that adapters belong to: the student, or the handed-in merged model.
  ModelRef Base() const;
  // The base with an adapter on it, if there is one.
  ModelRef WithAdapter(const std::optional<Input>& adapter) const;
  ModelRef Embedder() const;
  // The first teacher that can chat; null: only the extractive one.
  const pipeline::v1::Teacher* ChatTeacher() const;
  const std::map<std::pair<std::string, std::string>, const FinishedTask*>& finished() const {
    return finished_;
  }

 private:
  std::map<std::pair<std::string, std::string>, const FinishedTask*> finished_;
};

Input OutputOf(const FinishedTask& task, absl::string_view name);
Input PathInput(const std::string& path);

// Each plans one step: true when it is done (and sets what it made), false while tasks are open.
absl::StatusOr<bool> PlanExtraction(PlanBuilder& builder);
absl::StatusOr<bool> PlanEnrichment(PlanBuilder& builder);
absl::StatusOr<bool> PlanTeacher(PlanBuilder& builder);
absl::StatusOr<bool> PlanDistillation(PlanBuilder& builder);
absl::StatusOr<bool> PlanMerge(PlanBuilder& builder);
absl::StatusOr<bool> PlanSelfStudy(PlanBuilder& builder);
absl::StatusOr<bool> PlanEvaluation(PlanBuilder& builder);

// Reads sources in shards and joins them: the join's task, or null while tasks are open.
const FinishedTask* PlanReading(
    PlanBuilder& builder, absl::string_view key,
    const google::protobuf::RepeatedPtrField<pipeline::v1::Source>& sources);
// One model's evaluation with the settings that all share.
evaluator::v1::EvaluateRequest EvaluateRequestFor(const PlanBuilder& builder,
                                                  absl::string_view label);

}  // namespace foundry::coordinator
