// foundry-node: any set of stages in one process, with one cache of models: what a laptop runs.
#include "common/lm/model_cache.h"
#include "common/worker/stage_process.h"
#include "services/merger/merger_service.h"
#include "services/teacher/models.h"
#include "services/trainer/trainer_service.h"

int main(int argc, char** argv) {
  auto cache = std::make_shared<foundry::lm::ModelCache>();
  return foundry::worker::RunStageProcess(
      argc, argv, "foundry-node",
      {{"trainer", foundry::trainer::MakeTrainerStage},
       {"merger", foundry::merger::MakeMergerStage},
       {"teacher", [cache] {
          return foundry::teacher::MakeTeacherStage(foundry::teacher::CachedModels(cache));
        }}});
}
