// foundry-trainer: the trainer stage as a process of its own.
#include "common/worker/stage_process.h"
#include "services/trainer/trainer_service.h"

int main(int argc, char** argv) {
  return foundry::worker::RunStageProcess(argc, argv, "foundry-trainer",
                                          {{"trainer", foundry::trainer::MakeTrainerStage}});
}
