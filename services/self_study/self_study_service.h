// The self-study stage: decodes Study and Mix requests and runs the domain code.
#pragma once

#include "common/worker/stage.h"
#include "services/evaluator/models.h"

namespace foundry::self_study {

// Stage "self_study". Study writes self_study_results/, failed.jsonl and statistics.json, and gives
// the figures pass_share, mean_quality and mean_similarity; Mix writes pairs.jsonl and
// statistics.json. New wordings come from the extractive teacher, and from the chat teachers where
// the ensemble has some.
worker::Stage MakeSelfStudyStage(evaluator::ModelAccess models);

}  // namespace foundry::self_study
