// evaluation: one task a model, then the report.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/coordinator/planner/builder.h"

namespace foundry::coordinator {
namespace {

constexpr double kReportWeight = 0.1;
constexpr size_t kMostWarnings = 200;  // in the report; the job's events have them all

bool Has(const google::protobuf::RepeatedPtrField<std::string>& values, absl::string_view value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// A shard's counts add up; where the joining task counts the same thing itself, its count holds.
void AddCounts(const PlanBuilder& builder, evaluator::v1::ReportRequest* report) {
  std::map<std::string, int64_t> sums, joined;
  std::map<std::string, std::vector<std::string>> warnings;  // by step, in the order of steps below
  for (const auto& [where, task] : builder.finished()) {
    const auto& [step, key] = where;
    if (step == "evaluation") continue;
    std::string prefix = step;
    if (step == "self_study" && key.size() > 1 && key[0] == 'r') {
      absl::StrAppend(&prefix, ".", key.substr(0, key.find('/')));
    }
    const bool is_shard = key.find_last_not_of("0123456789") != key.size() - 1;
    for (const auto& count : task->result.counts()) {
      (is_shard ? sums : joined)[absl::StrCat(prefix, ".", count.name())] += count.value();
    }
    for (const std::string& warning : task->result.warnings()) {
      warnings[step].push_back(absl::StrCat(step, ": ", warning));
    }
  }
  for (const auto& [name, value] : joined) sums[name] = value;
  for (const auto& [name, value] : sums) {
    auto* count = report->add_counts();
    count->set_name(name);
    count->set_value(value);
  }
  for (const std::string& warning : builder.warnings) report->add_warnings(warning);
  size_t left_out = 0;
  for (absl::string_view step : kSteps) {
    for (const std::string& warning : warnings[std::string(step)]) {
      if (report->warnings_size() < static_cast<int>(kMostWarnings)) {
        report->add_warnings(warning);
      } else {
        ++left_out;
      }
    }
  }
  if (left_out > 0) report->add_warnings(absl::StrCat("and ", left_out, " more warnings"));
}

}  // namespace

evaluator::v1::EvaluateRequest EvaluateRequestFor(const PlanBuilder& builder,
                                                  absl::string_view label) {
  const PipelineSpec& spec = builder.spec;
  evaluator::v1::EvaluateRequest request;
  request.set_label(std::string(label));
  for (const auto& dataset : spec.evaluation().datasets()) {
    if (!dataset.has_builtin() || builder.pairs.has_value()) *request.add_datasets() = dataset;
  }
  if (builder.pairs.has_value()) *request.mutable_pairs() = *builder.pairs;
  if (builder.documents.has_value()) *request.mutable_documents() = *builder.documents;
  *request.mutable_settings() = spec.evaluation();
  request.set_split("test");
  *request.mutable_embedder() = builder.Embedder();
  const auto* chat = builder.ChatTeacher();
  if (Has(spec.evaluation().judges(), "llm") && chat != nullptr) *request.mutable_judge() = *chat;
  request.set_batch_size(spec.evaluation().batch_size());
  request.set_max_samples(spec.evaluation().max_samples());
  request.set_use_gpu(spec.use_gpu());
  request.set_seed(spec.seed());
  return request;
}

absl::StatusOr<bool> PlanEvaluation(PlanBuilder& builder) {
  const PipelineSpec& spec = builder.spec;
  const auto& compare = spec.evaluation().compare();
  std::vector<std::pair<std::string, evaluator::v1::EvaluateRequest>> models;
  const auto add = [&](absl::string_view key, absl::string_view label, const ModelRef& model) {
    models.emplace_back(key, EvaluateRequestFor(builder, label));
    *models.back().second.mutable_model() = model;
  };
  if (Has(compare, "base")) {
    ModelRef base;
    base.set_name(spec.models().student());
    add("base", "base", base);
  }
  if (Has(compare, "student")) {
    if (builder.merged.has_value()) {
      ModelRef model;
      *model.mutable_files() = *builder.merged;
      add("student", "distilled", model);
    } else if (builder.adapter.has_value()) {
      add("student", "distilled", builder.WithAdapter(builder.adapter));
    }
    if (builder.self_study.has_value()) {
      // Under its own label, lest the report take for the pipeline's model what merged/ does not
      // hold.
      add("self_study", builder.self_study_won ? "self_study" : "self_study_not_kept",
          *builder.self_study);
    }
  }
  if (Has(compare, "teacher")) {
    if (const auto* chat = builder.ChatTeacher(); chat != nullptr) {
      models.emplace_back("teacher", EvaluateRequestFor(builder, "teacher"));
      *models.back().second.mutable_teacher() = *chat;
    } else {
      builder.warnings.push_back(
          "evaluation: no row for the teacher, because the extractive teacher answers no "
          "questions");
    }
  }
  if (Has(compare, "previous") && spec.evaluation().has_previous()) {
    ModelRef previous;
    previous.set_name(spec.evaluation().previous());
    add("previous", "previous", previous);
  }

  builder.step->expected_weight = models.size() + kReportWeight;
  v1::StageRequest report_request;
  auto* report = report_request.mutable_report();
  bool open = false;
  for (const auto& [key, request] : models) {
    v1::StageRequest stage_request;
    *stage_request.mutable_evaluate() = request;
    const FinishedTask* done = builder.Run(absl::StrCat("evaluate/", key), stage_request);
    open |= done == nullptr;
    if (done != nullptr) *report->add_evaluations() = OutputOf(*done, "");
  }
  if (open) return false;
  for (const auto& [label, input] : builder.curves) (*report->mutable_curves())[label] = input;
  report->set_title(spec.name());
  report->set_seed(spec.seed());
  AddCounts(builder, report);
  const FinishedTask* done = builder.Run("report", report_request, kReportWeight);
  if (done == nullptr) return false;
  builder.step->manifest = done->manifest;
  return true;
}

}  // namespace foundry::coordinator
