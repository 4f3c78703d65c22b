#include "common/lm/trainer.h"

#include <chrono>
#include <cmath>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/lm/language_model_impl.h"
#include "common/lm/model/from_checkpoint.h"
#include "common/lm/model/weights_hash.h"
#include "common/lm/torch_guard.h"
#include "common/lm/train/examples.h"
#include "common/lm/train/gradient.h"
#include "common/lm/train/metrics_log.h"
#include "common/lm/train/rank_work.h"
#include "common/lm/train/run_state.h"
#include "common/lm/train/schedule.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
constexpr int64_t kMostRewinds = 5;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

double PeakMemoryMib() {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    if (double kib = 0; key == "VmHWM:" && status >> kib) return kib / 1024;
  }
  return 0;
}

// A run that goes on keeps the products that it began with, whatever a second probe would find.
at::ScalarType ComputeOf(ComputeType type, at::Device device, const fs::path& output) {
  if (type == ComputeType::kAuto) {
    if (const auto recorded = RecordedCompute(output); recorded.has_value()) return *recorded;
  }
  return ResolveCompute(type, device);
}

class Run {
 public:
  Run(LanguageModel& base, const std::vector<Example>& train,
      const std::vector<Example>& validation, const TrainOptions& options, const fs::path& output,
      const TrainHooks& hooks, const CancelToken& cancel)
      : base_(base),
        train_(train),
        validation_(validation),
        options_(options),
        output_(output),
        hooks_(hooks),
        cancel_(cancel),
        order_(train, options),
        optimizer_(0) {}

  absl::Status Prepare();
  absl::Status Loop();
  absl::StatusOr<TrainSummary> Finish();

 private:
  std::string BaseName() const { return base_.path().filename().string(); }
  // Another model may lie under the same name when a run is gone on with. Shares of one model
  // differ from rank to rank, whose runs must be the same.
  std::string BaseIdentity() const {
    const Decoder& base = *base_.impl().decoder;
    return base.shard() ? BaseName() : absl::StrCat(BaseName(), " ", WeightsHash(base));
  }
  // The rank that writes, and has the files to go on from.
  bool Leads() const { return options_.ranks == nullptr || options_.ranks->rank() == 0; }
  // Ranks that hold one copy of the model, of which this is the one of DataRank().
  int Together() const { return decoder_->shard() ? decoder_->shard()->count : 1; }
  int DataRank() const { return options_.ranks ? options_.ranks->rank() / Together() : 0; }
  // The rank whose figures stand for those of all that hold one copy with it.
  bool Counts() const { return decoder_->shard() == nullptr || decoder_->shard()->index == 0; }
  // Ranks of one copy that wait in the midst of a computation for one that failed learn of it by
  // its end alone: it leaves at once, without a word to the others.
  absl::Status Leave(const absl::Status& inside) const {
    return Together() > 1 ? inside : absl::OkStatus();
  }
  // Ranks of one copy exchange in the midst of a step: none may leave it alone.
  CancelToken Inside() const { return Together() > 1 ? CancelToken() : cancel_; }
  absl::Status CheckAfter(const absl::Status& inside) const {
    return inside.ok() && Together() > 1 ? cancel_.Check() : inside;
  }
  bool Stopped() const {
    return options_.early_stopping > 0 && state_.stale >= options_.early_stopping;
  }
  bool Done() const {
    return !state_.validation_pending && (Stopped() || state_.step >= order_.total_steps());
  }
  bool AtBoundary() const {
    return state_.step % order_.steps_per_epoch() == 0 || state_.step == order_.total_steps();
  }
  int64_t ChosenPackTokens() const {
    return options_.max_pack_tokens > 0 ? options_.max_pack_tokens : GradientOptions().max_rows;
  }
  void Say(absl::string_view text) const {
    if (hooks_.on_message && Leads()) hooks_.on_message(text);
  }
  absl::Status Start();    // the state before the first step
  absl::Status Restore();  // that of the last checkpoint, if there is one
  absl::Status OpenMetrics();
  std::vector<const Example*> Part(const std::vector<const Example*>& examples);
  template <typename F>
  absl::StatusOr<LossSum> WithinMemory(F compute);
  absl::Status AgreeOnPacks();
  absl::StatusOr<LossSum> PartGradient(const std::vector<const Example*>& examples);
  absl::StatusOr<LossSum> Gradient(const std::vector<const Example*>& examples);
  absl::StatusOr<LossSum> ValidationLoss();
  absl::Status Step();
  absl::Status Rewind(double loss, double norm);
  absl::Status Validate();
  absl::Status Checkpoint();

  LanguageModel& base_;
  const std::vector<Example>& train_;
  const std::vector<Example>& validation_;
  const TrainOptions& options_;
  const fs::path output_;
  const TrainHooks& hooks_;
  const CancelToken& cancel_;
  StepOrder order_;
  std::shared_ptr<Decoder> decoder_;
  std::unique_ptr<LanguageModel> with_adapter_;
  Adapter adapter_;
  AdamW optimizer_;
  at::Tensor part_gradient_;  // of this rank's part, on the decoder's device
  at::Tensor gradient_;       // of the step, on the CPU
  GradientOptions gradient_options_;
  int64_t agreed_rows_ = 0;  // of a pack, on all ranks
  RunState state_;
  RunIdentity identity_;
  std::optional<MetricsLog> metrics_;
};

absl::Status Run::Start() {
  if (options_.init_adapter.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(
        adapter_, FreshAdapter(*decoder_, options_.lora, static_cast<uint64_t>(options_.seed)));
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(adapter_, ReadAdapter(options_.init_adapter, *decoder_));
    adapter_.options.dropout = options_.lora.dropout;
    if (options_.lora.dora && !adapter_.options.dora) {
      return absl::InvalidArgumentError(
          absl::StrCat(options_.init_adapter,
                       " is a plain LoRA adapter, and dora is asked for: train on without "
                       "dora, or from a fresh adapter"));
    }
    if (adapter_.options.dora && options_.lora.dropout > 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          options_.init_adapter, " is a DoRA adapter, which trains without dropout: set it to 0"));
    }
  }
  optimizer_ = AdamW(adapter_.flat.numel());
  state_ = RunState();
  return absl::OkStatus();
}

absl::Status Run::Restore() {
  FOUNDRY_RETURN_IF_ERROR(Start());
  if (Leads()) {
    int removed = 0;
    FOUNDRY_ASSIGN_OR_RETURN(
        std::optional<RunState> saved,
        LoadCheckpoint(output_, identity_, *decoder_, adapter_, optimizer_, &removed));
    if (saved) {
      state_ = *saved;
      if (removed > 0) {
        Say(absl::StrCat(removed,
                         " newer checkpoints cannot be read or are another run's: going "
                         "on from the one of step ",
                         state_.step));
      }
    } else if (removed > 0) {
      Say(absl::StrCat("the checkpoints in ", output_.string(),
                       " were of other examples, settings, model or products: training anew"));
    }
  }
  int64_t rows = ChosenPackTokens();
  for (int64_t known : {agreed_rows_, state_.pack_tokens}) {
    if (known > 0) rows = std::min(rows, known);
  }
  if (options_.ranks != nullptr) {
    FOUNDRY_RETURN_IF_ERROR(ShareState(*options_.ranks, state_, adapter_, optimizer_));
    FOUNDRY_RETURN_IF_ERROR(ShareNumber(*options_.ranks, rows));
  }
  gradient_options_.max_rows = agreed_rows_ = rows;
  return absl::OkStatus();
}

absl::Status Run::OpenMetrics() {
  if (!Leads()) return absl::OkStatus();
  FOUNDRY_ASSIGN_OR_RETURN(metrics_, MetricsLog::Open(output_ / "metrics.jsonl", state_.step,
                                                      state_.validation_pending));
  return absl::OkStatus();
}

absl::Status Run::Prepare() {
  const Decoder& base = *base_.impl().decoder;
  at::ScalarType compute = ComputeOf(options_.compute, base.device(), output_);
  if (options_.ranks) FOUNDRY_RETURN_IF_ERROR(ShareCompute(*options_.ranks, compute));
  decoder_ = base.WithCompute(compute);
  DetachAdapter(*decoder_);
  identity_.compute = compute;
  identity_.fingerprint = RunFingerprint(
      train_, validation_, options_, BaseIdentity(),
      absl::StrCat(c10::toString(compute), " weights ", static_cast<int>(decoder_->weights())));
  if (options_.ranks) FOUNDRY_RETURN_IF_ERROR(CheckSameRun(*options_.ranks, identity_.fingerprint));
  FOUNDRY_RETURN_IF_ERROR(Restore());
  if (state_.step > 0) {
    Say(absl::StrCat("resuming after step ", state_.step, " of ", order_.total_steps()));
  }
  // One linear's weights at a time are then there twice.
  if (options_.use_up_base) base_.impl().decoder = decoder_;
  AttachAdapter(adapter_, 1, *decoder_);
  with_adapter_ = LanguageModel::Impl::Wrap(base_.impl(), decoder_);
  part_gradient_ =
      at::empty({adapter_.flat.numel()}, at::TensorOptions(at::kFloat).device(decoder_->device()));
  gradient_options_.soft_weight = options_.soft_weight;
  gradient_options_.soft_temperature = options_.soft_temperature;
  gradient_options_.soft_divergence = options_.soft_divergence;
  gradient_options_.label_smoothing = options_.label_smoothing;
  gradient_options_.checkpointing = options_.gradient_checkpointing;
  gradient_options_.dropout = options_.lora.dropout;
  return OpenMetrics();
}

// Also sets what the loss is divided by: the weight over all ranks.
std::vector<const Example*> Run::Part(const std::vector<const Example*>& examples) {
  if (options_.ranks == nullptr) return examples;
  gradient_options_.normalizer = TotalWeight(examples);
  return RankPart(examples, DataRank(), options_.ranks->size() / Together());
}

// What `compute` gives, with ever smaller packs while memory does not suffice: sums stay the same.
template <typename F>
absl::StatusOr<LossSum> Run::WithinMemory(F compute) {
  while (true) {
    absl::StatusOr<LossSum> sum = absl::InternalError("");
    absl::Status status = GuardTorch([&]() -> absl::Status {
      sum = compute();
      return sum.status();
    });
    if (status.ok()) return sum;
    // Ranks of one copy cut alike: all of them go on with smaller packs, or none.
    if (!absl::IsResourceExhausted(status) || gradient_options_.max_rows <= 16 || Together() > 1) {
      return status;
    }
    gradient_options_.max_rows /= 2;
    if (hooks_.on_message) {
      hooks_.on_message(absl::StrCat("out of memory: going on with packs of ",
                                     gradient_options_.max_rows, " tokens"));
    }
  }
}

// What one rank's memory does not hold is no pack for the others either, nor after a resume.
absl::Status Run::AgreeOnPacks() {
  int64_t rows = gradient_options_.max_rows;
  if (options_.ranks != nullptr) {
    FOUNDRY_RETURN_IF_ERROR(LeastOverRanks(*options_.ranks, rows));
    Say(absl::StrCat("all ranks go on with packs of ", rows, " tokens"));
  }
  gradient_options_.max_rows = agreed_rows_ = state_.pack_tokens = rows;
  return absl::OkStatus();
}

absl::StatusOr<LossSum> Run::PartGradient(const std::vector<const Example*>& examples) {
  const CancelToken cancel = Inside();
  FOUNDRY_RETURN_IF_ERROR(cancel.Check());
  const auto rank = static_cast<uint64_t>(DataRank());
  gradient_options_.dropout_seed = static_cast<uint64_t>(options_.seed) * 1000003 +
                                   static_cast<uint64_t>(state_.step) * 4096 +
                                   rank * 0x9e3779b97f4a7c15;  // ranks drop other values
  return WithinMemory([&] {
    return LossGradient(*decoder_, adapter_, examples, gradient_options_, cancel, part_gradient_);
  });
}

// Sets gradient_ to that of the whole step.
absl::StatusOr<LossSum> Run::Gradient(const std::vector<const Example*>& examples) {
  absl::StatusOr<LossSum> part = PartGradient(Part(examples));
  FOUNDRY_RETURN_IF_ERROR(Leave(part.status()));
  LossSum sum = Counts() ? part.value_or(LossSum()) : LossSum();
  const bool shrunk = gradient_options_.max_rows < agreed_rows_;
  double figures[] = {sum.loss, static_cast<double>(sum.rows), static_cast<double>(shrunk)};
  FOUNDRY_RETURN_IF_ERROR(
      SumOverRanks(options_.ranks, CheckAfter(part.status()), absl::MakeSpan(figures)));
  sum.loss = figures[0];
  sum.rows = static_cast<int64_t>(figures[1]);
  if (figures[2] > 0) FOUNDRY_RETURN_IF_ERROR(AgreeOnPacks());
  gradient_ = part_gradient_.cpu();
  if (options_.ranks == nullptr) return sum;
  FOUNDRY_RETURN_IF_ERROR(options_.ranks->Sum(
      absl::MakeSpan(gradient_.data_ptr<float>(), static_cast<size_t>(gradient_.numel()))));
  return sum;
}

absl::Status Run::Step() {
  const Clock::time_point start = Clock::now();
  std::vector<const Example*> examples = order_.Step(state_.step);
  FOUNDRY_ASSIGN_OR_RETURN(LossSum sum, Gradient(examples));
  const double norm = GradientNorm(gradient_);
  if (!std::isfinite(sum.loss) || !std::isfinite(norm)) return Rewind(sum.loss, norm);
  const double rate =
      options_.learning_rate * state_.rate_scale *
      RateShare(options_.schedule, state_.step, order_.total_steps(), options_.warmup_ratio);
  optimizer_.Step(options_, state_.step, rate, norm, gradient_, adapter_.flat);
  UpdateAdapter(adapter_, 1, *decoder_);
  ++state_.step;
  const double seconds = Seconds(start);
  state_.last_loss = sum.loss;
  state_.tokens += sum.rows;
  state_.seconds += seconds;
  state_.validation_pending = AtBoundary();
  StepReport report{state_.step,
                    order_.total_steps(),
                    sum.loss,
                    rate,
                    norm,
                    static_cast<double>(sum.rows) / seconds,
                    static_cast<double>(examples.size()) / seconds};
  if (!Leads()) return absl::OkStatus();
  FOUNDRY_RETURN_IF_ERROR(metrics_->Add(
      report, static_cast<double>(state_.step) / static_cast<double>(order_.steps_per_epoch())));
  if (hooks_.on_step) hooks_.on_step(report);
  return absl::OkStatus();
}

absl::Status Run::Rewind(double loss, double norm) {
  const int64_t failed = state_.step + 1, rewinds = state_.rewinds + 1;
  // No further with half the rate, or ever again: what is wrong is not the rate alone.
  if (failed <= state_.failed_step || rewinds > kMostRewinds) {
    return absl::InternalError(absl::StrCat("step ", failed, ": loss ", loss, ", gradient norm ",
                                            norm, " after ", state_.rewinds,
                                            " rewinds: lower learning_rate, or look for examples "
                                            "that are no text"));
  }
  FOUNDRY_RETURN_IF_ERROR(Restore());
  state_.failed_step = failed;
  state_.rewinds = rewinds;
  state_.rate_scale /= 2;
  UpdateAdapter(adapter_, 1, *decoder_);
  FOUNDRY_RETURN_IF_ERROR(OpenMetrics());
  Say(absl::StrCat("step ", failed, ": loss ", loss, ", gradient norm ", norm,
                   "; going back to step ", state_.step, " with half the learning rate"));
  return absl::OkStatus();
}

absl::StatusOr<LossSum> Run::ValidationLoss() {
  std::vector<const Example*> examples;
  for (const Example& example : validation_) examples.push_back(&example);
  const std::vector<const Example*> part = Part(examples);
  absl::StatusOr<LossSum> sum =
      WithinMemory([&] { return MeanLoss(*decoder_, part, gradient_options_, Inside()); });
  FOUNDRY_RETURN_IF_ERROR(Leave(sum.status()));
  LossSum all = Counts() ? sum.value_or(LossSum()) : LossSum();
  FOUNDRY_RETURN_IF_ERROR(
      SumOverRanks(options_.ranks, CheckAfter(sum.status()), absl::MakeSpan(&all.loss, 1)));
  return all;
}

absl::Status Run::Validate() {
  ValidationReport report;
  report.step = state_.step;
  double error = 0;  // of the score
  const bool has_loss = !validation_.empty();
  if (has_loss) {
    FOUNDRY_ASSIGN_OR_RETURN(LossSum sum, ValidationLoss());
    report.loss = sum.loss;
    report.score = -sum.loss;
  }
  if (options_.score) {
    absl::StatusOr<Score> score = DataRank() == 0 ? options_.score(*with_adapter_) : Score();
    FOUNDRY_RETURN_IF_ERROR(Leave(score.status()));
    double shared[] = {0, 0};
    if (Leads() && score.ok()) shared[0] = score->value, shared[1] = score->standard_error;
    FOUNDRY_RETURN_IF_ERROR(SumOverRanks(options_.ranks, score.status(), absl::MakeSpan(shared)));
    report.score = shared[0];
    error = shared[1];
    report.figures = std::move(score->figures);
    std::erase_if(report.figures, [](const auto& f) { return !std::isfinite(f.second); });
  }
  const bool judged = has_loss || options_.score;
  // Nothing compares with what isn't a number, and nothing exceeds infinity.
  const bool improved =
      std::isfinite(report.score) && (!state_.has_best || report.score > state_.best_score);
  const bool as_good = error > 0 && state_.step == order_.total_steps() &&
                       std::isfinite(report.score) && report.score >= state_.best_score - error;
  report.best = !judged || improved || as_good;
  if (Leads() && as_good && !improved) {
    Say(absl::StrFormat(
        "step %d: the last adapter is the best one: step %d's score of %.3f exceeds its %.3f by no "
        "more than the standard error of %.3f",
        state_.step, state_.best_step, state_.best_score, report.score, error));
  }
  if (judged && !improved && options_.schedule == "adaptive") state_.rate_scale /= 2;
  state_.stale = report.best ? 0 : state_.stale + 1;
  if (report.best) {
    state_.has_best = judged;
    state_.best_score = report.score;
    state_.best_step = state_.step;
    state_.best_figures = report.figures;
  }
  state_.validation_pending = false;
  if (!Leads()) return absl::OkStatus();
  if (report.best) {
    FOUNDRY_RETURN_IF_ERROR(WriteAdapter(adapter_, output_ / "best_checkpoint", BaseName()));
  }
  FOUNDRY_RETURN_IF_ERROR(metrics_->Add(report, options_.score != nullptr, has_loss));
  if (hooks_.on_validation) hooks_.on_validation(report);
  if (!std::isfinite(report.score)) {
    Say(absl::StrCat("step ", state_.step, ": a score of ", report.score,
                     " is no finite number: this is not the best checkpoint"));
  }
  if (Stopped() && state_.step < order_.total_steps()) {
    Say(absl::StrCat("stopping after step ", state_.step, " of ", order_.total_steps(),
                     ": no better score in ", state_.stale, " validations"));
  }
  return absl::OkStatus();
}

absl::Status Run::Checkpoint() {
  if (!Leads()) return absl::OkStatus();
  FOUNDRY_ASSIGN_OR_RETURN(fs::path folder, SaveCheckpoint(output_, identity_, state_, adapter_,
                                                           optimizer_, BaseName()));
  return hooks_.on_checkpoint ? hooks_.on_checkpoint(folder, state_.step) : absl::OkStatus();
}

absl::Status Run::Loop() {
  int64_t saved = state_.step;
  absl::Status status;
  while (status.ok() && !Done()) {
    // Ranks see a cancellation where they agree on a step's end, so that none waits for another.
    if (options_.ranks == nullptr) status = cancel_.Check();
    if (!status.ok()) break;
    if (state_.validation_pending) {
      status = Validate();
      if (!status.ok()) break;
      // What took long, or ended the run, isn't done twice.
      if (!options_.score && !Done()) continue;
    } else {
      status = Step();
      if (!status.ok()) break;
      saved = std::min(saved, state_.step);  // after a rewind
      const int64_t every = options_.checkpoint_every;
      if (state_.validation_pending || every <= 0 || state_.step - saved < every) continue;
    }
    status = Checkpoint();
    saved = state_.step;
  }
  // A step is done on all ranks or on none: when one was lost, the state is that of the last step.
  const bool goes_on =
      absl::IsCancelled(status) || absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
  if (goes_on && state_.step > saved) {
    FOUNDRY_RETURN_IF_ERROR(Checkpoint());
  }
  return status;
}

absl::StatusOr<TrainSummary> Run::Finish() {
  TrainSummary summary;
  summary.peak_memory_mib = PeakMemoryMib();
  FOUNDRY_RETURN_IF_ERROR(
      SumOverRanks(options_.ranks, absl::OkStatus(), absl::MakeSpan(&summary.peak_memory_mib, 1)));
  if (Leads()) FOUNDRY_RETURN_IF_ERROR(WriteAdapter(adapter_, output_ / "final", BaseName()));
  if (state_.stale > 0 && !state_.has_best) {
    return absl::InternalError(
        absl::StrCat("none of ", state_.stale,
                     " validations has a finite score, so there is no best "
                     "checkpoint: lower learning_rate; the last adapter lies in ",
                     (output_ / "final").string()));
  }
  summary.steps = state_.step;
  summary.final_loss = state_.last_loss;
  summary.best_score = state_.best_score;
  summary.best_step = state_.best_step;
  summary.best_figures = state_.best_figures;
  summary.tokens = state_.tokens;
  summary.seconds = state_.seconds;
  return summary;
}

}  // namespace

absl::StatusOr<ComputeType> ChooseCompute(ComputeType type, const std::string& device,
                                          RankGroup* ranks, const fs::path& output) {
  at::ScalarType chosen = at::kFloat;
  FOUNDRY_RETURN_IF_ERROR(GuardTorch([&]() -> absl::Status {
    FOUNDRY_ASSIGN_OR_RETURN(const at::Device where, ParseDevice(device));
    chosen = ComputeOf(type, where, output);
    return absl::OkStatus();
  }));
  if (ranks != nullptr) FOUNDRY_RETURN_IF_ERROR(ShareCompute(*ranks, chosen));
  return chosen == at::kBFloat16 ? ComputeType::kBFloat16 : ComputeType::kFloat32;
}

absl::StatusOr<TrainSummary> Train(LanguageModel& base, const std::vector<Example>& train,
                                   const std::vector<Example>& validation,
                                   const TrainOptions& options, const fs::path& output,
                                   const TrainHooks& hooks, const CancelToken& cancel) {
  FOUNDRY_RETURN_IF_ERROR(CheckOptions(options));
  if (const TensorShard* shard = base.impl().decoder->shard();
      shard != nullptr && (options.ranks == nullptr || options.ranks->size() % shard->count != 0 ||
                           options.ranks->rank() % shard->count != shard->index)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the base is share ", shard->index, " of ", shard->count,
                     ": training needs ranks whose number is a multiple of that, and this share's "
                     "place in them"));
  }
  if (train.empty()) return absl::InvalidArgumentError("there are no training examples");
  FOUNDRY_RETURN_IF_ERROR(CheckExamples(train, base.config(), "training"));
  FOUNDRY_RETURN_IF_ERROR(CheckExamples(validation, base.config(), "validation"));
  Run run(base, train, validation, options, output, hooks, cancel);
  absl::StatusOr<TrainSummary> summary = absl::InternalError("");
  absl::Status status = GuardTorch([&]() -> absl::Status {
    FOUNDRY_RETURN_IF_ERROR(run.Prepare());
    FOUNDRY_RETURN_IF_ERROR(run.Loop());
    summary = run.Finish();
    return summary.status();
  });
  if (!status.ok()) return status;
  return summary;
}

}  // namespace foundry::lm
