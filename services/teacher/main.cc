// foundry-teacher: the teacher stage as a process of its own.
#include "common/lm/model_cache.h"
#include "common/worker/stage_process.h"
#include "services/teacher/models.h"

int main(int argc, char** argv) {
  auto cache = std::make_shared<foundry::lm::ModelCache>();
  return foundry::worker::RunStageProcess(
      argc, argv, "foundry-teacher",
      {{"teacher", [cache] {
          return foundry::teacher::MakeTeacherStage(foundry::teacher::CachedModels(cache));
        }}});
}
