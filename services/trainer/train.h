// Distillation: one training run from pairs to adapters.
#pragma once

#include "absl/status/statusor.h"
#include "common/worker/task_context.h"
#include "services/trainer/train_job.h"

namespace foundry::trainer {

// Leaves best_checkpoint/, final/ (PEFT adapters) and metrics.jsonl in context.output();
// checkpoints live in context.scratch(), from which a later attempt goes on. Counts: pairs,
// dev_pairs, soft_targets, soft_targets_reused, statements, replay, refused_test, empty_targets,
// held_out_questions, cut, unscored, steps, tokens. Figures: dev_contains, dev_f1, best_score,
// final_loss, seconds, tokens_per_second, peak_memory_mib.
absl::StatusOr<worker::StageOutput> RunTraining(const TrainJob& job, worker::TaskContext& context);

}  // namespace foundry::trainer
