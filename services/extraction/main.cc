// foundry-extraction: the extraction stage as a process of its own.
#include <memory>

#include "common/lm/model_cache.h"
#include "common/worker/stage_process.h"
#include "services/extraction/cached_models.h"
#include "services/extraction/extraction_service.h"

int main(int argc, char** argv) {
  const auto models = std::make_shared<foundry::lm::ModelCache>();
  return foundry::worker::RunStageProcess(argc, argv, "foundry-extraction",
                                          {{"extraction", [models] {
                                              return foundry::extraction::MakeExtractionStage(
                                                  foundry::extraction::CachedModels(models));
                                            }}});
}
