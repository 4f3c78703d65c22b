// LoRA training of a decoder (Hu et al., arXiv 2106.09685), with a resumable state.
//
// Loss of a step = Σ_i w_i · loss_i / Σ_i w_i over the scored positions of the whole step: it does
// not depend on how the step is cut into micro-batches or packs. Sequences are packed without
// attending to each other; logits are computed for scored positions only.
// Data parallel over ranks, each a process with the same base, examples and options: a step's
// examples are split between them and the gradients summed, so that the result is one process's but
// for rounding. Rank 0 writes the files and has the state to go on from; the others need none.
// Where the base is one rank's share of a model (LoadOptions::tensor_ranks, T ranks to a copy),
// ranks T·i to T·i + T - 1 hold one copy together and compute one part of the examples. Not
// thread-safe: one Train call per model at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/lm/language_model.h"

namespace foundry::lm {

class RankGroup;  // common/lm/distributed/rank_group.h

struct LoraOptions {
  int rank = 32;
  double alpha = 64;
  double dropout = 0;
  bool rslora = false;
  // Weight-decomposed (DoRA, arXiv 2402.09353): the length of each row of W + update is learned
  // too; the row's norm counts as a constant in the gradient, as in PEFT. Without dropout.
  bool dora = false;
  std::vector<std::string> targets;  // module names such as q_proj; empty: all linears but lm_head
};

// Soft targets of one example (context distillation): for each scored position the teacher's top-k.
struct SoftTargets {
  int k = 0;
  std::vector<int32_t> ids;     // positions * k; -1 first: no soft target at this position
  std::vector<float> logprobs;  // positions * k, natural log at the temperature of the loss
};

struct Example {
  std::vector<int32_t> ids;
  // loss_weights[i]: weight of the loss of predicting ids[i] from ids[0..i-1]; loss_weights[0] is
  // 0.
  std::vector<float> loss_weights;
  std::shared_ptr<const SoftTargets> soft;  // null: cross-entropy alone
};

// Of the teacher's distribution p and the student's q.
enum class Divergence {
  kForwardKl,      // KL(p || q): covers all that the teacher finds possible
  kReverseKl,      // KL(q || p): keeps to what the teacher finds likely
  kJensenShannon,  // half of KL(p || m) + KL(q || m), m = (p + q) / 2
};

// What a validation says of the adapter as it stands.
struct Score {
  Score() = default;
  Score(double value, std::map<std::string, double> figures = {})  // a number is a score
      : value(value), figures(std::move(figures)) {}

  double value = 0;  // higher is better; what isn't finite is never the best
  // Of the value, as of a mean over questions. The last adapter, whose learning rate has decayed,
  // is the best one unless an earlier one's value is greater by more than this (the
  // one-standard-error rule, Breiman et al., Classification and Regression Trees, 1984).
  double standard_error = 0;
  std::map<std::string, double> figures;  // that are reported with it; finite, others are left out
};

struct TrainOptions {
  LoraOptions lora;
  // PEFT folder to start from, with its own rank, scale and targets (DoRA where `lora` asks for
  // it); empty: a fresh adapter.
  std::string init_adapter;
  double learning_rate = 5e-4;
  std::string schedule = "constant_with_decay";
  double warmup_ratio = 0.03;
  double epochs = 8;
  int batch_size = 16;            // examples of a micro-batch
  int gradient_accumulation = 1;  // micro-batches of a step
  double max_grad_norm = 1.0;
  double weight_decay = 0;
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  bool gradient_checkpointing = false;
  double soft_weight = 0;  // share of the divergence where an example has soft targets
  Divergence soft_divergence = Divergence::kForwardKl;
  double label_smoothing = 0;  // share of each label that is spread over the vocabulary
  double soft_temperature = 2.0;
  int checkpoint_every = 200;   // optimizer steps
  int early_stopping = 0;       // validations in a row without a better score; 0: to the last epoch
  int64_t max_pack_tokens = 0;  // computed together, of a micro-batch; 0: the engine's choice
  int64_t seed = 7;
  ComputeType compute = ComputeType::kAuto;  // a run that goes on keeps what was chosen first
  // Called after every epoch; null: the validation loss (negated) decides.
  // With ranks: on rank 0 and those that hold its copy of the model with it (rank 0's counts), and
  // either all ranks have one or none.
  std::function<absl::StatusOr<Score>(const LanguageModel& with_adapter)> score;
  RankGroup* ranks = nullptr;  // null: this process alone
  // The base becomes the model that is trained, adapter attached: its weights are there once, where
  // it was loaded in `compute`.
  bool use_up_base = false;
};

// What `type` stands for on a device (LoadOptions::device) for the run in `output`: kAuto is what
// the run's checkpoints were computed in, else measured; with ranks by rank 0 for all of them.
absl::StatusOr<ComputeType> ChooseCompute(ComputeType type, const std::string& device,
                                          RankGroup* ranks, const std::filesystem::path& output);

struct StepReport {
  int64_t step = 0, total_steps = 0;
  double loss = 0, learning_rate = 0, grad_norm = 0;
  double tokens_per_second = 0, examples_per_second = 0;
};
struct ValidationReport {
  int64_t step = 0;
  double loss = 0;
  double score = 0;
  std::map<std::string, double> figures;  // of TrainOptions::score
  bool best = false;
};
// With ranks, rank 0's are called; on_message on each.
struct TrainHooks {
  std::function<void(const StepReport&)> on_step;
  std::function<void(const ValidationReport&)> on_validation;
  std::function<void(absl::string_view)> on_message;  // rewinds, halved micro-batches
  // A complete checkpoint lies in `folder`; the callee may copy it away.
  std::function<absl::Status(const std::filesystem::path& folder, int64_t step)> on_checkpoint;
};

struct TrainSummary {
  int64_t steps = 0;
  double final_loss = 0, best_score = 0;
  int64_t best_step = 0;
  std::map<std::string, double> best_figures;  // of the best score; rank 0's alone
  int64_t tokens = 0;                          // real tokens computed, prefixes once
  double seconds = 0;
  double peak_memory_mib = 0;  // resident, of all ranks together
};

// Trains and writes into `output`: best_checkpoint/ and final/ (PEFT format), metrics.jsonl, and
// checkpoints/step-N/ (adapter, optimizer, schedule, RNG, data position; manifest last). When
// `output`/checkpoints holds a complete checkpoint of the same options and data, training goes on
// from it, and on the CPU the result is the uninterrupted run's bit for bit.
// Errors: InvalidArgument when no position is scored; Internal when the loss is no number again and
// again, or no validation's score is one; with the state saved Cancelled, Unavailable when a rank
// is lost, and ResourceExhausted when memory does not hold the smallest packs. Where ranks hold one
// copy together ResourceExhausted comes at once, on the rank that it happens to: all are to begin
// again, with a smaller max_pack_tokens on rank 0, whose choice counts.
absl::StatusOr<TrainSummary> Train(LanguageModel& base, const std::vector<Example>& train,
                                   const std::vector<Example>& validation,
                                   const TrainOptions& options, const std::filesystem::path& output,
                                   const TrainHooks& hooks, const CancelToken& cancel);

}  // namespace foundry::lm
