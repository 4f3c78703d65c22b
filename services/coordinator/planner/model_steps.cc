// distillation, merge.
#include "services/coordinator/planner/model_steps.h"

namespace foundry::coordinator {

v1::StageRequest TrainRequestFor(const PlanBuilder& builder, const std::optional<Input>& adapter,
                                 const Input& pairs) {
  const PipelineSpec& spec = builder.spec;
  v1::StageRequest request;
  auto* train = request.mutable_train();
  *train->mutable_student() = builder.WithAdapter(adapter);
  *train->add_pairs() = pairs;
  if (builder.documents.has_value()) *train->mutable_documents() = *builder.documents;
  *train->mutable_settings() = spec.distillation();
  train->set_soft_teacher(spec.models().soft_teacher());
  train->set_batch_size(spec.distillation().batch_size());
  train->set_max_samples(spec.distillation().max_samples());
  train->set_seed(spec.seed());
  train->set_use_gpu(spec.use_gpu());
  return request;
}

v1::StageRequest MergeRequestFor(const PlanBuilder& builder, const Input& adapter) {
  v1::StageRequest request;
  auto* merge = request.mutable_merge();
  *merge->mutable_model() = builder.WithAdapter(adapter);
  *merge->mutable_settings() = builder.spec.merge();
  merge->set_use_gpu(builder.spec.use_gpu());
  return request;
}

absl::StatusOr<bool> PlanDistillation(PlanBuilder& builder) {
  builder.step->expected_weight = 1;
  const FinishedTask* done =
      builder.Run("train", TrainRequestFor(builder, std::nullopt, *builder.pairs));
  if (done == nullptr) return false;
  builder.step->manifest = done->manifest;
  builder.adapter = OutputOf(*done, "best_checkpoint");
  builder.curves.emplace_back("distillation", OutputOf(*done, "metrics.jsonl"));
  return true;
}

absl::StatusOr<bool> PlanMerge(PlanBuilder& builder) {
  builder.step->expected_weight = 1;
  const FinishedTask* done = builder.Run("merge", MergeRequestFor(builder, *builder.adapter));
  if (done == nullptr) return false;
  builder.step->manifest = done->manifest;
  builder.merged = OutputOf(*done, "merged");
  return true;
}

}  // namespace foundry::coordinator
