#include "services/merger/merger_service.h"

#include "services/merger/merge.h"

namespace foundry::merger {
namespace {

MergeJob Decode(const v1::MergeRequest& request) {
  MergeJob job;
  job.base = request.model().name();
  job.base_files = worker::FromProto(request.model().files());
  job.adapter = worker::FromProto(request.model().adapter());
  const pipeline::v1::Merge& settings = request.settings();
  if (settings.formats_size() > 0) {
    job.formats.assign(settings.formats().begin(), settings.formats().end());
  }
  if (settings.quantization_size() > 0) {
    job.quantization.assign(settings.quantization().begin(), settings.quantization().end());
  }
  job.device = request.use_gpu() == "true" ? "cuda" : request.use_gpu() == "false" ? "cpu" : "auto";
  return job;
}

}  // namespace

worker::Stage MakeMergerStage() {
  worker::Stage stage;
  stage.name = "merger";
  stage.handlers[worker::StageRequest::kMerge] = [](const worker::StageRequest& request,
                                                    worker::TaskContext& context) {
    return RunMerge(Decode(request.merge()), context);
  };
  return stage;
}

}  // namespace foundry::merger
