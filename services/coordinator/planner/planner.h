// The planner: which steps a job has and which tasks may run now. A pure function of the resolved
// spec, what is known of the handed-in files, and the finished tasks; no database, no clock, no
// files.
//
// Steps in order, with the keys of their tasks:
//   extraction    extract/0 … extract/N-1, extract/join
//   enrichment    enrich
//   teacher       pairs/0 … pairs/N-1, pairs/join; or pairs/fill (handed-in pairs with empty
//   targets) distillation  train merge         merge self_study    [documents/0 …, documents/join,]
//   r0/score, then per round
//                 r1/study/0 … r1/study/N-1, r1/mix, r1/train, r1/score; merge when a round won
//   evaluation    evaluate/base, /student, /self_study, /teacher, /previous, then report
//
// What lies in a task's output, and so what the inputs of later tasks name:
//   extract/*   documents.jsonl, outcomes.jsonl
//   enrich      documents.jsonl, enriched_data.json
//   pairs/*     pairs.jsonl; join and fill also teacher_pairs.json
//   train       best_checkpoint/, final/, metrics.jsonl
//   merge       merged/…, parity.json
//   r*/study/*  self_study_results/*.json, failed.jsonl
//   r*/mix      pairs.jsonl (the cumulative mix), statistics.json
//   evaluate/*, r*/score   answers.jsonl, scores.json; figure dev_contains or score
//   report      evaluation_results.json, report.html
// `parts`, `evaluations` and StudyRequest.previous are whole outputs (Input.name is empty: a
// folder).
//
// A round of self-study follows another while rounds remain and the dev score rose above the best
// so far; each continues from the best adapter on the cumulative mix. Distillation's own dev score
// is r0/score.
//
// Thread-safe (no state).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "foundry/common/v1/progress.pb.h"
#include "foundry/coordinator/v1/workers.pb.h"
#include "foundry/pipeline/v1/spec.pb.h"

namespace foundry::coordinator {

// The stage whose tasks keep checkpoints.
inline constexpr char kTrainerStage[] = "trainer";

// What was seen of the files that the spec names, when the job was made.
struct InputFacts {
  // Path as the spec writes it → SHA-256 of what lies there. A path that is missing here could not
  // be read (it is on another machine); tasks that read it are never reused.
  std::map<std::string, std::string> hashes;
  // Whether inputs.teacher_pairs has empty targets; unset: not known, so they are looked for.
  std::optional<bool> pairs_need_targets;
};

struct FinishedTask {
  std::string step;
  std::string key;
  common::v1::StageResult result;
  std::string manifest;  // SHA-256 of the committed output's manifest
};

struct PlannedTask {
  std::string step;
  std::string key;
  std::string stage;  // service that runs it
  bool needs_gpu = false;
  double weight = 1;  // share of the step's work, relative
  v1::StageRequest request;
  std::string fingerprint;  // empty: never reused
};

enum class StepPhase { kWaiting, kActive, kDone, kSkipped };

struct PlannedStep {
  std::string name;
  StepPhase phase = StepPhase::kWaiting;
  std::string reason;          // why it is skipped
  std::string manifest;        // of its output, once done
  double expected_weight = 0;  // of all its tasks, those that are planned later included
};

struct Plan {
  std::vector<PlannedStep> steps;  // all of them, in order
  std::vector<PlannedTask> tasks;  // unfinished ones whose inputs exist, in the order to run
  bool complete = false;           // every step is done or skipped
};

// InvalidArgument: the spec asks for a step whose inputs nothing makes (says what to add).
absl::StatusOr<Plan> MakePlan(const pipeline::v1::PipelineSpec& spec, const InputFacts& facts,
                              const std::vector<FinishedTask>& finished);

}  // namespace foundry::coordinator
