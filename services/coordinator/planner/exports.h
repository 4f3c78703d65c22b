// Which files of which tasks the user sees, and under which names in output_dir:
//
//   extraction    documents.jsonl, outcomes.jsonl
//   enrichment    documents.jsonl, enriched_data.json
//   teacher       teacher_pairs.json
//   distillation  best_checkpoint/, final/, metrics.jsonl, checkpoints/
//   merge         merged/, parity.json
//   self_study    self_study_results/ (of the last round), merged/ and parity.json when a round
//   won;
//                 each round's results, mix, statistics, adapter, curve and score in
//                 self_study/r<k>/
//   evaluation    evaluation_results.json, report.html; each model's answers in evaluation/<model>/
//
// Thread-safe (no state).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "foundry/common/v1/artifact.pb.h"

namespace foundry::coordinator {

struct TaskFiles {
  std::string key;
  common::v1::Manifest manifest;
};

// The files of a finished step under their names in output_dir, sorted by name.
common::v1::Manifest ExportedFiles(const std::string& step, const std::vector<TaskFiles>& tasks);

}  // namespace foundry::coordinator
