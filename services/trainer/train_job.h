// One training run, as plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/worker/task_context.h"

namespace foundry::trainer {

struct TrainJob {
  std::string student;                  // name or path of the base model, or
  worker::InputRef student_files;       // a merged model of an earlier step
  worker::InputRef init_adapter;        // empty: a fresh adapter
  std::vector<worker::InputRef> pairs;  // joined in this order
  worker::InputRef documents;           // empty: the pairs alone

  // Distillation settings; see foundry.pipeline.v1.Distillation for what each means.
  double learning_rate = 1e-3;
  std::string schedule = "constant_with_decay";
  double warmup_ratio = 0.03;
  double epochs = 4;
  int lora_rank = 32;
  double lora_alpha = 64;
  double lora_dropout = 0;
  bool rslora = false;
  bool dora = false;
  std::vector<std::string> lora_targets;  // empty: all linears
  std::string quantize_base = "none";     // none, int8 or int4
  int gradient_accumulation = 1;
  bool gradient_checkpointing = false;
  double validation_share = 0.05;
  double replay_share = 0.1;
  int checkpoint_every = 200;    // optimizer steps
  int early_stopping = 0;        // validations without a better score; 0: never
  int devices = 1;               // ranks
  int tensor_parallel = 1;       // of the ranks, those that hold one copy of the model together
  int min_devices = 1;           // ranks that it goes on with after losses
  int64_t memory_limit_mib = 0;  // of a rank; 0: none
  int max_length = 1024;         // tokens of an example
  bool passages = false;
  bool passage_items = true;
  double question_loss_weight = 0.3;
  std::string soft_teacher = "auto";  // auto, none, or a model; see soft_teacher.h
  double soft_target_weight = 0.5;
  std::string soft_divergence = "forward_kl";  // forward_kl, reverse_kl or js
  double soft_temperature = 2;
  double label_smoothing = 0;
  std::string compute = "auto";  // auto, float32 or bfloat16

  int batch_size = 8;   // examples of a micro-batch
  int max_samples = 0;  // pairs; 0: all
  int64_t seed = 7;
  std::string device = "auto";
};

}  // namespace foundry::trainer
