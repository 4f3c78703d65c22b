// foundry-node: any set of stages in one process, with one cache of models: what a laptop runs.
#include <memory>

#include "common/lm/model_cache.h"
#include "common/worker/stage_process.h"
#include "services/evaluator/evaluator_service.h"
#include "services/extraction/cached_models.h"
#include "services/merger/merger_service.h"
#include "services/self_study/self_study_service.h"
#include "services/teacher/models.h"
#include "services/trainer/trainer_service.h"

int main(int argc, char** argv) {
  using namespace foundry;  // NOLINT: a list of all services
  const auto models = std::make_shared<lm::ModelCache>();
  return worker::RunStageProcess(
      argc, argv, "foundry-node",
      {{"extraction",
        [&] { return extraction::MakeExtractionStage(extraction::CachedModels(models)); }},
       {"teacher", [&] { return teacher::MakeTeacherStage(teacher::CachedModels(models)); }},
       {"trainer", trainer::MakeTrainerStage},
       {"merger", merger::MakeMergerStage},
       {"self_study",
        [&] { return self_study::MakeSelfStudyStage(evaluator::CachedModels(models)); }},
       {"evaluator",
        [&] { return evaluator::MakeEvaluatorStage(evaluator::CachedModels(models)); }}});
}
