// foundry-node: any set of stages in one process, with one cache of models: what a laptop runs.
#include "common/worker/stage_process.h"
#include "services/merger/merger_service.h"
#include "services/trainer/trainer_service.h"

int main(int argc, char** argv) {
  return foundry::worker::RunStageProcess(argc, argv, "foundry-node",
                                          {{"trainer", foundry::trainer::MakeTrainerStage},
                                           {"merger", foundry::merger::MakeMergerStage}});
}
