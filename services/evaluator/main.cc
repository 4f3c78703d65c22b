// foundry-evaluator: the evaluator stage as a process of its own.
#include "common/lm/model_cache.h"
#include "common/worker/stage_process.h"
#include "services/evaluator/evaluator_service.h"

int main(int argc, char** argv) {
  auto cache = std::make_shared<foundry::lm::ModelCache>();
  return foundry::worker::RunStageProcess(
      argc, argv, "foundry-evaluator",
      {{"evaluator", [cache] {
          return foundry::evaluator::MakeEvaluatorStage(foundry::evaluator::CachedModels(cache));
        }}});
}
