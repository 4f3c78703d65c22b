// foundry-merger: the merger stage as a process of its own.
#include "common/worker/stage_process.h"
#include "services/merger/merger_service.h"

int main(int argc, char** argv) {
  return foundry::worker::RunStageProcess(argc, argv, "foundry-merger",
                                          {{"merger", foundry::merger::MakeMergerStage}});
}
