// foundry-self-study: the self-study stage as a process of its own.
#include "common/lm/model_cache.h"
#include "common/worker/stage_process.h"
#include "services/self_study/self_study_service.h"

int main(int argc, char** argv) {
  auto cache = std::make_shared<foundry::lm::ModelCache>();
  return foundry::worker::RunStageProcess(
      argc, argv, "foundry-self-study",
      {{"self_study", [cache] {
          return foundry::self_study::MakeSelfStudyStage(foundry::evaluator::CachedModels(cache));
        }}});
}
