// The evaluator stage: decodes Evaluate and Report requests and runs the domain code.
#pragma once

#include "common/worker/stage.h"
#include "services/evaluator/models.h"

namespace foundry::evaluator {

// Stage "evaluator". Evaluate writes answers.jsonl and scores.json, and gives the figures score,
// contains, f1, … (and dev_contains, dev_score, … of the dev split); Report writes
// evaluation_results.json, report.html and answers/.
worker::Stage MakeEvaluatorStage(ModelAccess models);

}  // namespace foundry::evaluator
