#include "services/evaluator/report/results.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "services/evaluator/metrics/interval.h"
#include "services/evaluator/report/suggestions.h"
#include "services/evaluator/summary.h"

namespace foundry::evaluator {
namespace {

using AnswersById = std::map<std::string, const Scored*>;

struct DatasetView {
  std::string name;
  TaskKind kind = TaskKind::kQa;
  std::map<std::string, AnswersById> models;  // by label
};

// Data sets in the order in which the evaluations name them.
std::vector<DatasetView> ViewsOf(const std::vector<Evaluation>& evaluations) {
  std::vector<DatasetView> views;
  for (const Evaluation& evaluation : evaluations) {
    for (const Scored& scored : evaluation.answers) {
      auto view = std::find_if(views.begin(), views.end(),
                               [&](const DatasetView& v) { return v.name == scored.dataset; });
      if (view == views.end()) {
        views.push_back({scored.dataset, scored.item.kind, {}});
        view = views.end() - 1;
      }
      view->models[evaluation.label][scored.item.id] = &scored;
    }
  }
  return views;
}

// Each model against the base, and each against the one it was made from.
std::vector<std::pair<std::string, std::string>> Comparisons(
    const std::vector<std::string>& labels) {
  const auto has = [&](const std::string& label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
  };
  std::vector<std::pair<std::string, std::string>> pairs;
  if (has("base")) {
    for (const std::string& label : labels) {
      if (label != "base") pairs.emplace_back("base", label);
    }
  }
  for (const auto& [before, after] :
       {std::pair{"distilled", "self_study"}, std::pair{"distilled", "self_study_not_kept"},
        std::pair{"previous", "distilled"}, std::pair{"previous", "self_study"}}) {
    if (has(before) && has(after)) pairs.emplace_back(before, after);
  }
  return pairs;
}

// The questions that both were asked and scored on.
std::optional<Json> Compare(const DatasetView& view, const std::string& before,
                            const std::string& after, const std::string& metric, uint64_t seed) {
  const auto b = view.models.find(before), a = view.models.find(after);
  if (b == view.models.end() || a == view.models.end()) return std::nullopt;
  std::vector<double> before_values, after_values;
  for (const auto& [id, old_answer] : b->second) {
    const auto found = a->second.find(id);
    if (found == a->second.end()) continue;
    const auto x = old_answer->scores.find(metric), y = found->second->scores.find(metric);
    if (x == old_answer->scores.end() || y == found->second->scores.end()) continue;
    before_values.push_back(x->second);
    after_values.push_back(y->second);
  }
  if (before_values.empty()) return std::nullopt;
  const PairedDifference paired = PairedBootstrap(before_values, after_values, seed);
  return Json{{"before", before},          {"after", after},
              {"metric", metric},          {"difference", ToJson(paired.difference, paired.pairs)},
              {"p_value", paired.p_value}, {"gained", paired.gained},
              {"lost", paired.lost},       {"questions", paired.pairs}};
}

// What was learnt shows on the questions that the base model could not answer.
Json UnknownToBase(const DatasetView& view, const std::string& metric, uint64_t seed) {
  const auto base = view.models.find("base");
  Json result = Json::object();
  if (base == view.models.end()) return result;
  for (const auto& [label, answers] : view.models) {
    if (label == "base") continue;
    std::vector<double> values;
    for (const auto& [id, scored] : answers) {
      const auto known = base->second.find(id);
      const auto value = scored->scores.find(metric);
      if (known == base->second.end() || known->second->correct || Unanswered(*known->second)) {
        continue;
      }
      if (value != scored->scores.end()) values.push_back(value->second);
    }
    if (!values.empty()) result[label] = ToJson(IntervalOf(values, seed), values.size());
  }
  return result;
}

Json DatasetJson(const DatasetView& view, const ReportInput& input,
                 const std::vector<std::string>& labels) {
  const std::string primary = PrimaryMetric(view.kind);
  Json models = Json::object();
  size_t questions = 0;
  for (const auto& [label, answers] : view.models) {
    std::vector<const Scored*> list;
    for (const auto& [id, scored] : answers) list.push_back(scored);
    models[label] = Summarize(view.name, list, input.seed);
    questions = std::max(questions, list.size());
  }
  Json comparisons = Json::array();
  for (const auto& [before, after] : Comparisons(labels)) {
    if (auto json = Compare(view, before, after, primary, input.seed)) comparisons.push_back(*json);
  }
  return {
      {"name", view.name},         {"kind", KindName(view.kind)},
      {"primary", primary},        {"questions", questions},
      {"models", models},          {"unknown_to_base", UnknownToBase(view, primary, input.seed)},
      {"comparisons", comparisons}};
}

Json Table(const Json& datasets, const std::vector<std::string>& labels) {
  Json rows = Json::array();
  for (const Json& set : datasets) {
    for (const std::string& label : labels) {
      if (!set["models"].contains(label)) continue;
      for (const auto& [metric, value] : set["models"][label]["metrics"].items()) {
        Json row = value;
        row["dataset"] = set["name"];
        row["metric"] = metric;
        row["model"] = label;
        row["primary"] = metric == set["primary"].get<std::string>();
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

}  // namespace

absl::StatusOr<Evaluation> ReadEvaluation(const std::filesystem::path& folder) {
  Evaluation evaluation;
  FOUNDRY_ASSIGN_OR_RETURN(evaluation.scores, ReadJsonFile(folder / "scores.json"));
  if (!evaluation.scores.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat((folder / "scores.json").string(), ": not an object"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(evaluation.label, JsonString(evaluation.scores, "label"));
  FOUNDRY_RETURN_IF_ERROR(dataset::ForEachJson(
      folder / "answers.jsonl", [&](const Json& json, const std::string& where) -> absl::Status {
        absl::StatusOr<Scored> scored = ScoredFromJson(json);
        if (!scored.ok()) return Annotate(scored.status(), where);
        evaluation.answers.push_back(*std::move(scored));
        return absl::OkStatus();
      }));
  return evaluation;
}

Json JoinResults(const ReportInput& input) {
  std::vector<std::string> labels;
  Json documents = Json::object(), speed = Json::object(), names = Json::object();
  std::vector<std::string> warnings = input.warnings;
  for (const Evaluation& evaluation : input.evaluations) {
    labels.push_back(evaluation.label);
    const Json& scores = evaluation.scores;
    if (scores.contains("documents") && scores["documents"].is_object()) {
      documents[evaluation.label] = scores["documents"];
    }
    if (scores.contains("speed")) speed[evaluation.label] = scores["speed"];
    if (scores.contains("model")) names[evaluation.label] = scores["model"];
    if (scores.contains("warnings")) {
      for (const Json& warning : scores["warnings"]) {
        if (warning.is_string()) {
          warnings.push_back(
              absl::StrCat(ModelName(evaluation.label), ": ", warning.get<std::string>()));
        }
      }
    }
  }
  Json datasets = Json::array();
  for (const DatasetView& view : ViewsOf(input.evaluations)) {
    datasets.push_back(DatasetJson(view, input, labels));
  }
  Json results = {{"title", input.title},
                  {"models", labels},
                  {"model_files", names},
                  {"datasets", datasets},
                  {"table", Table(datasets, labels)},
                  {"documents", documents},
                  {"speed", speed},
                  {"counts", input.counts},
                  {"warnings", warnings}};
  results["suggestions"] = Suggestions(results, input.curves);
  return results;
}

std::string ModelName(const std::string& label) {
  static const std::map<std::string, std::string> kNames = {
      {"base", "Base"},
      {"distilled", "Distilled"},
      {"self_study", "After self-study"},
      {"self_study_not_kept", "Self-study, not kept"},
      {"teacher", "Teacher, text in sight"},
      {"previous", "Previous model"}};
  const auto found = kNames.find(label);
  return found == kNames.end() ? label : found->second;
}

std::string MetricName(const std::string& metric) {
  static const std::map<std::string, std::string> kNames = {
      {"contains", "Answer contained"},
      {"exact", "Exact match"},
      {"f1", "Word F1"},
      {"recall", "Answer-word recall"},
      {"rouge_l", "ROUGE-L"},
      {"score", "Score (contained, else word F1)"},
      {"similarity", "Embedding similarity"},
      {"number", "Final number"},
      {"llm", "Right by the chat judge"},
      {"custom", "Custom evaluator"},
      {"token_f1", "Command token F1"},
      {"utility", "Right programs"},
      {"template", "Right programs and flags"},
      {"pass", "Tests passed"}};
  const auto found = kNames.find(metric);
  return found == kNames.end() ? metric : found->second;
}

}  // namespace foundry::evaluator
