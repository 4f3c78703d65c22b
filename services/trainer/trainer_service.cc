#include "services/trainer/trainer_service.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "services/trainer/train.h"

namespace foundry::trainer {
namespace {

TrainJob Decode(const v1::TrainRequest& request) {
  const pipeline::v1::Distillation& settings = request.settings();
  TrainJob job;
  job.student = request.student().name();
  job.student_files = worker::FromProto(request.student().files());
  job.init_adapter = worker::FromProto(request.student().adapter());
  for (const auto& input : request.pairs()) job.pairs.push_back(worker::FromProto(input));
  job.documents = worker::FromProto(request.documents());
  job.learning_rate = settings.learning_rate();
  job.schedule = settings.schedule();
  job.warmup_ratio = settings.warmup_ratio();
  job.epochs = settings.epochs();
  job.lora_rank = settings.lora().rank();
  job.lora_alpha = settings.lora().alpha();
  job.lora_dropout = settings.lora().dropout();
  job.rslora = settings.lora().rslora();
  job.dora = settings.lora().dora();
  if (settings.lora().targets() != "all-linear") {
    job.lora_targets =
        absl::StrSplit(settings.lora().targets(), absl::ByAnyChar(", "), absl::SkipEmpty());
  }
  if (settings.has_quantize_base()) job.quantize_base = settings.quantize_base();
  job.gradient_accumulation = settings.gradient_accumulation();
  job.gradient_checkpointing = settings.gradient_checkpointing();
  job.validation_share = settings.validation_share();
  job.replay_share = settings.replay_share();
  job.checkpoint_every = settings.checkpoint_every();
  job.early_stopping = settings.early_stopping();
  job.devices = std::max(1, settings.devices());
  job.tensor_parallel = std::max(1, settings.tensor_parallel());
  job.min_devices = std::clamp(settings.min_devices(), 1, job.devices);
  job.memory_limit_mib = settings.memory_limit();
  job.max_length = settings.max_length();
  job.passages = settings.passages();
  job.passage_items = settings.passage_items();
  job.question_loss_weight = settings.question_loss_weight();
  job.soft_teacher = request.soft_teacher().empty() ? "none" : request.soft_teacher();
  job.soft_target_weight = settings.soft_target_weight();
  if (settings.has_soft_divergence()) job.soft_divergence = settings.soft_divergence();
  if (settings.has_soft_temperature()) job.soft_temperature = settings.soft_temperature();
  job.label_smoothing = settings.label_smoothing();
  if (settings.has_compute()) job.compute = settings.compute();
  job.batch_size = request.batch_size();
  job.max_samples = request.max_samples();
  job.seed = request.seed();
  job.device = request.use_gpu() == "true" ? "cuda" : request.use_gpu() == "false" ? "cpu" : "auto";
  return job;
}

}  // namespace

worker::Stage MakeTrainerStage() {
  worker::Stage stage;
  stage.name = "trainer";
  stage.handlers[worker::StageRequest::kTrain] = [](const worker::StageRequest& request,
                                                    worker::TaskContext& context) {
    return RunTraining(Decode(request.train()), context);
  };
  return stage;
}

}  // namespace foundry::trainer
