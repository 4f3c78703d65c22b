#include "services/trainer/train.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/dataset/topics.h"
#include "common/lm/language_model.h"
#include "common/lm/trainer.h"
#include "services/trainer/example_file.h"
#include "services/trainer/examples.h"
#include "services/trainer/mix.h"
#include "services/trainer/rank_processes.h"
#include "services/trainer/replay.h"
#include "services/trainer/run_snapshot.h"
#include "services/trainer/soft_teacher.h"
#include "services/trainer/train_share.h"

namespace foundry::trainer {
namespace fs = std::filesystem;
namespace {

using worker::StageOutput;
using worker::TaskContext;

absl::StatusOr<std::shared_ptr<lm::LanguageModel>> LoadStudent(const TrainJob& job,
                                                               TaskContext& context) {
  lm::LoadOptions options;
  // This process only makes the examples with it: a model that no device holds fits main memory.
  options.device = job.tensor_parallel > 1 ? "cpu" : job.device;
  FOUNDRY_ASSIGN_OR_RETURN(const fs::path path, StudentPath(job, context));
  return lm::LanguageModel::Load(path, options);
}

absl::StatusOr<lm::WeightFormat> WeightsOf(const TrainJob& job) {
  if (job.quantize_base == "none") return lm::WeightFormat::kFull;
  if (job.quantize_base == "int8") return lm::WeightFormat::kInt8;
  if (job.quantize_base == "int4") return lm::WeightFormat::kNf4;
  return absl::InvalidArgumentError(absl::StrCat(
      "quantize_base: must be one of none, int8, int4, got \"", job.quantize_base, "\""));
}

absl::StatusOr<lm::ComputeType> ComputeOf(const TrainJob& job) {
  if (job.compute == "auto") return lm::ComputeType::kAuto;
  if (job.compute == "float32") return lm::ComputeType::kFloat32;
  if (job.compute == "bfloat16") return lm::ComputeType::kBFloat16;
  return absl::InvalidArgumentError(
      absl::StrCat("compute: must be one of auto, float32, bfloat16, got \"", job.compute, "\""));
}

absl::StatusOr<lm::Divergence> DivergenceOf(const TrainJob& job) {
  if (job.soft_divergence == "forward_kl") return lm::Divergence::kForwardKl;
  if (job.soft_divergence == "reverse_kl") return lm::Divergence::kReverseKl;
  if (job.soft_divergence == "js") return lm::Divergence::kJensenShannon;
  return absl::InvalidArgumentError(
      absl::StrCat("soft_divergence: must be one of forward_kl, reverse_kl, js, got \"",
                   job.soft_divergence, "\""));
}

absl::StatusOr<std::vector<dataset::Pair>> FetchPairs(const TrainJob& job, TaskContext& context) {
  std::vector<dataset::Pair> all;
  for (const worker::InputRef& input : job.pairs) {
    FOUNDRY_ASSIGN_OR_RETURN(const fs::path path, context.Fetch(input));
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<dataset::Pair> pairs, dataset::ReadPairs(path));
    all.insert(all.end(), std::make_move_iterator(pairs.begin()),
               std::make_move_iterator(pairs.end()));
  }
  return all;
}

absl::StatusOr<lm::TrainOptions> OptionsOf(const TrainJob& job, TaskContext& context) {
  lm::TrainOptions options;
  options.lora = {.rank = job.lora_rank,
                  .alpha = job.lora_alpha,
                  .dropout = job.lora_dropout,
                  .rslora = job.rslora,
                  .dora = job.dora,
                  .targets = job.lora_targets};
  if (!job.init_adapter.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(const fs::path adapter, context.Fetch(job.init_adapter));
    options.init_adapter = adapter.string();
  }
  options.learning_rate = job.learning_rate;
  options.schedule = job.schedule;
  options.warmup_ratio = job.warmup_ratio;
  options.epochs = job.epochs;
  options.batch_size = job.batch_size;
  options.gradient_accumulation = job.gradient_accumulation;
  options.gradient_checkpointing = job.gradient_checkpointing;
  options.checkpoint_every = job.checkpoint_every;
  options.early_stopping = job.early_stopping;
  options.soft_weight = job.soft_target_weight;
  FOUNDRY_ASSIGN_OR_RETURN(options.soft_divergence, DivergenceOf(job));
  options.soft_temperature = job.soft_temperature;
  options.label_smoothing = job.label_smoothing;
  FOUNDRY_ASSIGN_OR_RETURN(options.compute, ComputeOf(job));
  options.seed = job.seed;
  return options;
}

lm::TrainHooks HooksOf(TaskContext& context) {
  lm::TrainHooks hooks;
  hooks.on_step = [&context](const lm::StepReport& report) {
    context.Progress(
        {.done = static_cast<double>(report.step),
         .total = static_cast<double>(report.total_steps),
         .unit = "steps",
         .message = absl::StrFormat("step %d/%d  loss %.3f  %.0f tokens/s", report.step,
                                    report.total_steps, report.loss, report.tokens_per_second)});
    context.Metric("loss", report.step, report.loss);
    context.Metric("learning_rate", report.step, report.learning_rate);
    context.Metric("grad_norm", report.step, report.grad_norm);
    context.Metric("tokens_per_second", report.step, report.tokens_per_second);
  };
  hooks.on_validation = [&context](const lm::ValidationReport& report) {
    for (const auto& [name, value] :
         {std::pair{"validation_loss", report.loss}, std::pair{"validation_score", report.score}}) {
      if (std::isfinite(value)) context.Metric(name, report.step, value);
    }
    context.Message(absl::StrFormat("step %d: validation loss %.3f, score %.3f%s", report.step,
                                    report.loss, report.score,
                                    report.best ? " (best so far)" : ""));
  };
  hooks.on_message = [&context](absl::string_view text) { context.Message(std::string(text)); };
  return hooks;
}

// The engine's folder holds checkpoints too; only the results are the task's output.
absl::Status Publish(const fs::path& run, const fs::path& output) {
  for (const char* name : {"best_checkpoint", "final", "metrics.jsonl"}) {
    std::error_code error;
    fs::copy(run / name, output / name, fs::copy_options::recursive, error);
    if (error) {
      return absl::InternalError(
          absl::StrCat((run / name).string(), ": cannot copy to the output: ", error.message()));
    }
  }
  return absl::OkStatus();
}

// Makes the examples, and leaves them in the scratch folder with all that the ranks are told. The
// student that it loads is gone afterwards: the ranks have theirs.
absl::StatusOr<RankJob> Prepare(const TrainJob& job, TaskContext& context, StageOutput& output) {
  if (job.devices % job.tensor_parallel != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("devices = ", job.devices,
                     ": must be a multiple of tensor_parallel = ", job.tensor_parallel));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const lm::WeightFormat weights, WeightsOf(job));
  FOUNDRY_ASSIGN_OR_RETURN(lm::TrainOptions options, OptionsOf(job, context));
  context.Progress({.unit = "steps", .message = "loading the student"});
  FOUNDRY_ASSIGN_OR_RETURN(const auto student, LoadStudent(job, context));
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<dataset::Pair> pairs, FetchPairs(job, context));
  std::vector<dataset::Document> documents;
  if (!job.documents.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(const fs::path path, context.Fetch(job.documents));
    FOUNDRY_ASSIGN_OR_RETURN(documents, dataset::ReadDocuments(path));
  }
  FOUNDRY_ASSIGN_OR_RETURN(Mix mix, MakeMix(pairs, {.validation_share = job.validation_share,
                                                    .max_samples = job.max_samples,
                                                    .seed = job.seed}));
  const dataset::Topics topics(documents);
  dataset::WordClosedBook(topics, mix.train);
  dataset::WordClosedBook(topics, mix.dev);
  const ExampleOptions example_options{.question_loss_weight = job.question_loss_weight,
                                       .max_length = job.max_length};
  FOUNDRY_ASSIGN_OR_RETURN(BuiltExamples train, PairExamples(*student, mix.train, example_options));
  FOUNDRY_ASSIGN_OR_RETURN(BuiltExamples dev, PairExamples(*student, mix.dev, example_options));
  if (job.soft_target_weight > 0) {
    std::vector<fs::path> caches;
    if (!context.cache().empty()) caches.push_back(context.cache() / "soft_targets");
    caches.push_back(context.scratch() / "soft_targets");
    FOUNDRY_ASSIGN_OR_RETURN(
        const SoftTeacherReport soft,
        AddSoftTargets(job.soft_teacher, student, mix.train, mix.dev, options.soft_temperature,
                       context.cancel(), train, caches));
    if (!soft.message.empty()) context.Message(soft.message);
    output.counts["soft_targets"] = soft.targets;
    output.counts["soft_targets_reused"] = soft.reused;
    if (soft.probed) {
      output.figures["soft_teacher_contains"] = soft.with_passage;
      output.figures["soft_teacher_closed_book"] = soft.closed_book;
    }
  }
  auto append = [&](BuiltExamples built, const char* count) {
    output.counts[count] = static_cast<int64_t>(built.examples.size());
    train.cut += built.cut;
    train.unscored += built.unscored;
    std::move(built.examples.begin(), built.examples.end(), std::back_inserter(train.examples));
  };
  auto add = [&](const std::vector<dataset::Pair>& more, const char* count) -> absl::Status {
    // The prompts of additions are no knowledge: only their answers are learned.
    FOUNDRY_ASSIGN_OR_RETURN(
        BuiltExamples built,
        PairExamples(*student, more, {.question_loss_weight = 0, .max_length = job.max_length}));
    append(std::move(built), count);
    return absl::OkStatus();
  };
  if (job.passage_items) {
    const std::vector<dataset::Pair> items =
        PassageItems(mix.train, documents, mix.held_out, job.seed);
    FOUNDRY_ASSIGN_OR_RETURN(BuiltExamples built, PairExamples(*student, items, example_options));
    append(std::move(built), "passage_items");
  }
  if (job.passages) {
    FOUNDRY_RETURN_IF_ERROR(add(PassageStatements(mix.train, documents), "statements"));
  }
  if (job.replay_share > 0) {
    const int64_t wanted =
        std::llround(job.replay_share * train.examples.size() / (1 - job.replay_share));
    FOUNDRY_ASSIGN_OR_RETURN(
        std::vector<lm::Example> replay,
        MakeReplay(*student, static_cast<size_t>(wanted), job.max_length, context.cancel()));
    const int64_t made = static_cast<int64_t>(replay.size());
    append({.examples = std::move(replay)}, "replay");
    if (made < wanted) {
      context.Message(absl::StrCat(made, " replayed examples instead of ", wanted,
                                   ", which distillation.replay_share asks for: there are no more "
                                   "general requests"));
    }
  }
  output.counts["pairs"] = static_cast<int64_t>(mix.train.size());
  output.counts["dev_pairs"] = static_cast<int64_t>(mix.dev.size());
  output.counts["refused_test"] = mix.refused_test;
  output.counts["empty_targets"] = mix.empty_targets;
  output.counts["held_out_questions"] = mix.held_out_questions;
  output.counts["cut"] = train.cut;
  output.counts["unscored"] = train.unscored;
  if (mix.empty_targets > 0) {
    output.warnings.push_back(
        absl::StrCat(mix.empty_targets, " pairs with empty targets left out"));
  }
  if (mix.held_out_questions > 0) {
    output.warnings.push_back(absl::StrCat(mix.held_out_questions,
                                           " training pairs left out: a dev or test pair asks the "
                                           "same question"));
  }
  if (train.unscored > 0) {
    output.warnings.push_back(absl::StrCat(
        train.unscored, " examples left out: their weight is 0, or their question alone exceeds ",
        job.max_length, " tokens"));
  }
  if (train.cut > 0) {
    output.warnings.push_back(
        absl::StrCat(train.cut, " examples cut at ", job.max_length, " tokens"));
  }

  RankJob ranks{.student = student->path().string(),
                .device = job.device,
                .weights = weights,
                .tensor_parallel = job.tensor_parallel,
                .options = std::move(options),
                .examples = (context.scratch() / "examples.bin").string(),
                .output = (context.scratch() / "run").string()};
  FOUNDRY_RETURN_IF_ERROR(
      WriteExamples(ranks.examples, {std::move(train.examples), std::move(dev.examples)}));
  if (mix.dev.empty()) return ranks;
  ranks.dev_pairs = (context.scratch() / "dev_pairs.jsonl").string();
  std::vector<Json> rows;
  for (const dataset::Pair& pair : mix.dev) rows.push_back(dataset::ToJson(pair));
  FOUNDRY_RETURN_IF_ERROR(dataset::WriteJsonLines(ranks.dev_pairs, rows));
  return ranks;
}

// An attempt on another worker may have come further than what lies here.
absl::Status GoOn(const RankJob& ranks, TaskContext& context) {
  const fs::path run = ranks.output;
  const absl::StatusOr<fs::path> kept = context.KeptState();
  if (!kept.ok()) {
    context.Message(absl::StrCat("the state that an earlier attempt stored cannot be read: ",
                                 kept.status().message()));
  } else if (!kept->empty()) {
    FOUNDRY_RETURN_IF_ERROR(RestoreRun(*kept, run).status());
  }
  return KeepExamples(run, ranks.examples);
}

}  // namespace

absl::StatusOr<StageOutput> RunTraining(const TrainJob& job, TaskContext& context) {
  worker::Gang* const gang = context.gang();
  if (gang != nullptr && !gang->share().leads()) return RunShare(job, context);
  StageOutput output;
  FOUNDRY_ASSIGN_OR_RETURN(const RankJob ranks, Prepare(job, context, output));
  FOUNDRY_RETURN_IF_ERROR(GoOn(ranks, context));
  RankProcessHooks hooks;
  hooks.on_snapshot = [&](const fs::path& folder) { context.KeepState(folder); };
  if (gang != nullptr && gang->share().world_size > gang->share().ranks) {
    context.Message(absl::StrCat("training with ", gang->share().world_size, " ranks, ",
                                 gang->share().ranks, " of them on this worker"));
    FOUNDRY_RETURN_IF_ERROR(ShareRanks(ranks, context));
    hooks.on_listening = [&](const std::string& rendezvous) { return gang->Open(rendezvous); };
  }
  hooks.train = HooksOf(context);
  const absl::StatusOr<lm::TrainSummary> trained = TrainInProcesses(
      ranks, context.scratch(), RankOptionsOf(job, context), hooks, context.cancel());
  FOUNDRY_RETURN_IF_ERROR(AfterOthers(trained.status(), context));
  const lm::TrainSummary& summary = *trained;
  FOUNDRY_RETURN_IF_ERROR(Publish(ranks.output, context.output()));
  output.counts["steps"] = summary.steps;
  output.counts["tokens"] = summary.tokens;
  for (const auto& [name, value] : summary.best_figures) output.figures[name] = value;
  output.figures["best_score"] = summary.best_score;
  output.figures["final_loss"] = summary.final_loss;
  output.figures["seconds"] = summary.seconds;
  output.figures["tokens_per_second"] = summary.seconds > 0 ? summary.tokens / summary.seconds : 0;
  output.figures["peak_memory_mib"] = summary.peak_memory_mib;
  return output;
}

}  // namespace foundry::trainer
