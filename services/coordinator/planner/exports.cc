#include "services/coordinator/planner/exports.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace foundry::coordinator {
namespace {

struct Rule {
  absl::string_view step;
  absl::string_view key;   // of the task
  absl::string_view name;  // file, or folder with its slash
};

constexpr Rule kRules[] = {
    {"extraction", "extract/join", "documents.jsonl"},
    {"extraction", "extract/join", "outcomes.jsonl"},
    {"enrichment", "enrich", "documents.jsonl"},
    {"enrichment", "enrich", "enriched_data.json"},
    {"teacher", "pairs/join", "teacher_pairs.json"},
    {"teacher", "pairs/fill", "teacher_pairs.json"},
    {"distillation", "train", "best_checkpoint/"},
    {"distillation", "train", "final/"},
    {"distillation", "train", "checkpoints/"},
    {"distillation", "train", "metrics.jsonl"},
    {"merge", "merge", "merged/"},
    {"merge", "merge", "parity.json"},
    {"self_study", "merge", "merged/"},
    {"self_study", "merge", "parity.json"},
    {"evaluation", "report", "evaluation_results.json"},
    {"evaluation", "report", "report.html"},
};

// What a round leaves in self_study/r<k>/, by the last part of the task's key (or its first after
// the round: study/3).
constexpr Rule kRoundRules[] = {
    {"", "study", "self_study_results/"}, {"", "mix", "pairs.jsonl"},
    {"", "mix", "statistics.json"},       {"", "train", "best_checkpoint/"},
    {"", "train", "metrics.jsonl"},       {"", "score", "scores.json"},
};

bool Matches(absl::string_view rule, absl::string_view name) {
  return absl::EndsWith(rule, "/") ? absl::StartsWith(name, rule) : name == rule;
}

// Splits "r2/study/0" into 2 and "study"; false for other keys.
bool ParseRound(absl::string_view key, int* round, absl::string_view* kind) {
  if (!absl::ConsumePrefix(&key, "r")) return false;
  const size_t slash = key.find('/');
  if (slash == absl::string_view::npos || !absl::SimpleAtoi(key.substr(0, slash), round))
    return false;
  *kind = key.substr(slash + 1);
  *kind = kind->substr(0, kind->find('/'));
  return true;
}

}  // namespace

common::v1::Manifest ExportedFiles(const std::string& step, const std::vector<TaskFiles>& tasks) {
  std::map<std::string, common::v1::Artifact> files;
  const auto add = [&](const std::string& name, const common::v1::Artifact& artifact) {
    common::v1::Artifact& file = files[name];
    file = artifact;
    file.set_name(name);
  };
  int last_round = 0, round = 0;
  absl::string_view kind;
  for (const TaskFiles& task : tasks) {
    if (ParseRound(task.key, &round, &kind) && kind == "study")
      last_round = std::max(last_round, round);
  }
  for (const TaskFiles& task : tasks) {
    for (const common::v1::Artifact& artifact : task.manifest.artifacts()) {
      for (const Rule& rule : kRules) {
        if (rule.step == step && rule.key == task.key && Matches(rule.name, artifact.name())) {
          add(artifact.name(), artifact);
        }
      }
      if (step == "evaluation" && absl::StartsWith(task.key, "evaluate/")) {
        add(absl::StrCat("evaluation/", absl::StripPrefix(task.key, "evaluate/"), "/",
                         artifact.name()),
            artifact);
      }
      if (step != "self_study" || !ParseRound(task.key, &round, &kind)) continue;
      for (const Rule& rule : kRoundRules) {
        if (rule.key != kind || !Matches(rule.name, artifact.name())) continue;
        add(absl::StrCat("self_study/r", round, "/", artifact.name()), artifact);
        if (kind == "study" && round == last_round) add(artifact.name(), artifact);
      }
    }
  }
  common::v1::Manifest manifest;
  for (const auto& [name, artifact] : files) *manifest.add_artifacts() = artifact;
  return manifest;
}

}  // namespace foundry::coordinator
