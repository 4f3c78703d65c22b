#include "services/trainer/rank_job.h"

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace foundry::trainer {
namespace {

// One table of all members, for both directions.
template <typename Job, typename Visitor>
void VisitMembers(Job& job, Visitor visit) {
  auto& o = job.options;
  visit("student", job.student);
  visit("device", job.device);
  visit("weights", job.weights);
  visit("tensor_parallel", job.tensor_parallel);
  visit("examples", job.examples);
  visit("dev_pairs", job.dev_pairs);
  visit("output", job.output);
  visit("snapshots", job.snapshots);
  visit("lora_rank", o.lora.rank);
  visit("lora_alpha", o.lora.alpha);
  visit("lora_dropout", o.lora.dropout);
  visit("lora_rslora", o.lora.rslora);
  visit("lora_dora", o.lora.dora);
  visit("lora_targets", o.lora.targets);
  visit("init_adapter", o.init_adapter);
  visit("learning_rate", o.learning_rate);
  visit("schedule", o.schedule);
  visit("warmup_ratio", o.warmup_ratio);
  visit("epochs", o.epochs);
  visit("batch_size", o.batch_size);
  visit("gradient_accumulation", o.gradient_accumulation);
  visit("max_grad_norm", o.max_grad_norm);
  visit("weight_decay", o.weight_decay);
  visit("adam_beta1", o.adam_beta1);
  visit("adam_beta2", o.adam_beta2);
  visit("adam_epsilon", o.adam_epsilon);
  visit("gradient_checkpointing", o.gradient_checkpointing);
  visit("soft_weight", o.soft_weight);
  visit("soft_temperature", o.soft_temperature);
  visit("soft_divergence", o.soft_divergence);
  visit("label_smoothing", o.label_smoothing);
  visit("checkpoint_every", o.checkpoint_every);
  visit("early_stopping", o.early_stopping);
  visit("max_pack_tokens", o.max_pack_tokens);
  visit("seed", o.seed);
  visit("compute", o.compute);
}

}  // namespace

absl::Status WriteRankJob(const std::filesystem::path& path, const RankJob& job) {
  Json json = Json::object();
  VisitMembers(job, [&](const char* name, const auto& value) { json[name] = value; });
  return WriteJsonFile(path, json);
}

absl::StatusOr<RankJob> ReadRankJob(const std::filesystem::path& path) {
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  RankJob job;
  absl::Status status;
  VisitMembers(job, [&](const char* name, auto& value) {
    if (!status.ok()) return;
    try {
      json.at(name).get_to(value);
    } catch (const Json::exception& error) {
      status = absl::InvalidArgumentError(
          absl::StrCat(path.string(), ": member ", name, ": ", error.what()));
    }
  });
  if (!status.ok()) return status;
  return job;
}

}  // namespace foundry::trainer
