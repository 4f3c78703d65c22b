// extraction, enrichment, teacher.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/coordinator/planner/builder.h"

namespace foundry::coordinator {
namespace {

constexpr double kJoinWeight = 0.2;

// Runs `count` shards and, once all are done, what joins them. `set_shard` and `set_parts` fill in
// the request. Answers the join's task, or null while tasks are open.
template <typename SetShard, typename AddPart>
const FinishedTask* PlanShards(PlanBuilder& builder, absl::string_view key, int count,
                               const v1::StageRequest& shard_request, SetShard set_shard,
                               v1::StageRequest join_request, AddPart add_part) {
  builder.step->expected_weight += count + kJoinWeight;
  bool open = false;
  for (int i = 0; i < count; ++i) {
    v1::StageRequest request = shard_request;
    common::v1::Shard* shard = set_shard(request);
    shard->set_index(i);
    shard->set_count(count);
    const FinishedTask* part = builder.Run(absl::StrCat(key, "/", i), request);
    open |= part == nullptr;
    if (part != nullptr) *add_part(join_request) = OutputOf(*part, "");
  }
  return open ? nullptr : builder.Run(absl::StrCat(key, "/join"), join_request, kJoinWeight);
}

}  // namespace

const FinishedTask* PlanReading(
    PlanBuilder& builder, absl::string_view key,
    const google::protobuf::RepeatedPtrField<pipeline::v1::Source>& sources) {
  const PipelineSpec& spec = builder.spec;
  v1::StageRequest common;
  auto* extract = common.mutable_extract();
  *extract->mutable_settings() = spec.extraction();
  extract->set_max_samples(spec.max_samples());
  extract->set_batch_size(spec.extraction().batch_size());
  v1::StageRequest shard = common;
  *shard.mutable_extract()->mutable_sources() = sources;
  return PlanShards(
      builder, key, std::max(1, spec.extraction().shards()), shard,
      [](v1::StageRequest& request) { return request.mutable_extract()->mutable_shard(); }, common,
      [](v1::StageRequest& request) { return request.mutable_extract()->add_parts(); });
}

absl::StatusOr<bool> PlanExtraction(PlanBuilder& builder) {
  const FinishedTask* join = PlanReading(builder, "extract", builder.spec.sources());
  if (join == nullptr) return false;
  builder.step->manifest = join->manifest;
  builder.documents = OutputOf(*join, "documents.jsonl");
  return true;
}

absl::StatusOr<bool> PlanEnrichment(PlanBuilder& builder) {
  v1::StageRequest request;
  auto* enrich = request.mutable_enrich();
  *enrich->mutable_documents() = *builder.documents;
  *enrich->mutable_settings() = builder.spec.enrichment();
  *enrich->mutable_embedder() = builder.Embedder();
  const auto* chat = builder.ChatTeacher();
  if (builder.spec.enrichment().entity_model() == "teacher" && chat != nullptr) {
    *enrich->mutable_chat() = *chat;
  }
  enrich->set_batch_size(builder.spec.enrichment().batch_size());
  builder.step->expected_weight = 1;
  const FinishedTask* done = builder.Run("enrich", request);
  if (done == nullptr) return false;
  builder.step->manifest = done->manifest;
  builder.documents = OutputOf(*done, "documents.jsonl");
  return true;
}

absl::StatusOr<bool> PlanTeacher(PlanBuilder& builder) {
  const PipelineSpec& spec = builder.spec;
  v1::StageRequest common;
  auto* generate = common.mutable_generate_pairs();
  *generate->mutable_teachers() = spec.models().teachers();
  *generate->mutable_settings() = spec.teacher();
  *generate->mutable_embedder() = builder.Embedder();
  generate->set_max_samples(spec.teacher().max_samples());
  generate->set_batch_size(spec.teacher().batch_size());
  generate->set_seed(spec.seed());
  generate->set_use_gpu(spec.use_gpu());
  if (builder.documents.has_value()) *generate->mutable_documents() = *builder.documents;

  const FinishedTask* done = nullptr;
  if (builder.decisions.fill_pairs) {
    *generate->mutable_pairs() = *builder.pairs;
    builder.step->expected_weight = 1;
    done = builder.Run("pairs/fill", common);
  } else {
    v1::StageRequest join = common;
    join.mutable_generate_pairs()->clear_documents();
    done = PlanShards(
        builder, "pairs", std::max(1, spec.teacher().shards()), common,
        [](v1::StageRequest& request) { return request.mutable_generate_pairs()->mutable_shard(); },
        join,
        [](v1::StageRequest& request) { return request.mutable_generate_pairs()->add_parts(); });
  }
  if (done == nullptr) return false;
  builder.step->manifest = done->manifest;
  builder.pairs = OutputOf(*done, "pairs.jsonl");
  return true;
}

}  // namespace foundry::coordinator
