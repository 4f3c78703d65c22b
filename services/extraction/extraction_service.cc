#include "services/extraction/extraction_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/secret.h"
#include "common/base/status.h"
#include "common/worker/decode.h"
#include "services/extraction/enrich.h"
#include "services/extraction/extract.h"
#include "services/extraction/sources/dataset_cache.h"

namespace foundry::extraction {
namespace {

absl::StatusOr<Source> DecodeSource(const pipeline::v1::Source& source) {
  Source out;
  if (source.has_pdf()) {
    out.kind = SourceKind::kPdf, out.path = source.pdf();
  } else if (source.has_huggingface()) {
    out.kind = SourceKind::kDataset;
    FOUNDRY_ASSIGN_OR_RETURN(out.path, ResolveDataset(source.huggingface()));
  } else if (source.has_cve()) {
    out.kind = SourceKind::kCve, out.path = source.cve();
  } else if (source.has_json()) {
    out.kind = SourceKind::kJson, out.path = source.json();
  } else {
    return absl::InvalidArgumentError("names none of pdf, huggingface, cve, json");
  }
  FOUNDRY_ASSIGN_OR_RETURN(out.password, ReadSecret(source.password()));
  out.split = source.split();
  out.text_fields = {source.text_fields().begin(), source.text_fields().end()};
  out.published_after = source.published_after();
  return out;
}

absl::StatusOr<ExtractOptions> DecodeExtract(const v1::ExtractRequest& request) {
  const pipeline::v1::Extraction& settings = request.settings();
  ExtractOptions out;
  for (int i = 0; i < request.sources_size(); ++i) {
    absl::StatusOr<Source> source = DecodeSource(request.sources(i));
    if (!source.ok()) return Annotate(source.status(), absl::StrCat("sources[", i, "]"));
    out.sources.push_back(*std::move(source));
  }
  if (settings.has_ocr()) out.ocr = settings.ocr();
  if (settings.has_timeout()) out.timeout_seconds = settings.timeout();
  if (settings.has_memory_limit()) out.memory_mib = settings.memory_limit();
  if (settings.has_deduplicate()) out.collect.deduplicate = settings.deduplicate();
  if (settings.has_min_quality()) out.collect.min_quality = settings.min_quality();
  out.collect.most_documents = request.max_samples();
  if (request.batch_size() > 0) out.batch_size = request.batch_size();
  if (settings.has_batch_size()) out.batch_size = settings.batch_size();
  if (request.has_shard() && request.shard().count() > 1) {
    out.shard_index = request.shard().index();
    out.shard_count = request.shard().count();
    if (out.shard_index < 0 || out.shard_index >= out.shard_count) {
      return absl::InvalidArgumentError(
          absl::StrCat("shard ", out.shard_index, " of ", out.shard_count));
    }
  }
  return out;
}

absl::StatusOr<worker::StageOutput> HandleExtract(const worker::StageRequest& request,
                                                  worker::TaskContext& context) {
  FOUNDRY_ASSIGN_OR_RETURN(const ExtractOptions options, DecodeExtract(request.extract()));
  if (request.extract().parts_size() == 0) return Extract(options, context);
  std::vector<worker::InputRef> parts;
  for (const common::v1::Input& part : request.extract().parts())
    parts.push_back(worker::FromProto(part));
  return Join(parts, options.collect, context);
}

// An embedder that is named but missing costs a little quality, not the job: the user is told.
absl::Status OpenEmbedder(const v1::EnrichRequest& request, const ModelAccess& models,
                          worker::TaskContext& context, EnrichOptions* options,
                          std::vector<std::string>* warnings) {
  if (!request.has_embedder() || models.open_embedder == nullptr) return absl::OkStatus();
  std::string path = request.embedder().name();
  if (request.embedder().has_files()) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto folder,
                             context.Fetch(worker::FromProto(request.embedder().files())));
    path = folder.string();
  }
  if (path.empty()) return absl::OkStatus();
  int batch_size = request.batch_size() > 0 ? request.batch_size() : 16;
  if (request.settings().has_batch_size()) batch_size = request.settings().batch_size();
  absl::StatusOr<text::EmbedFunction> embed = models.open_embedder(path, batch_size);
  if (embed.ok()) {
    options->embed = *std::move(embed);
  } else {
    warnings->push_back(
        absl::StrCat("summaries by word statistics, because the embedder cannot be opened: ",
                     embed.status().message()));
  }
  return absl::OkStatus();
}

// Who finds the entities: rules (null), the first chat teacher, or a local model.
absl::StatusOr<std::shared_ptr<chat::ChatModel>> OpenEntityModel(const v1::EnrichRequest& request,
                                                                 const ModelAccess& models) {
  const std::string& model = request.settings().entity_model();
  if (model.empty() || model == "default") return std::shared_ptr<chat::ChatModel>();
  if (models.open_chat == nullptr)
    return absl::FailedPreconditionError(
        "this process has no chat models for enrichment.entity_model");
  if (model != "teacher") return models.open_chat(model);
  FOUNDRY_ASSIGN_OR_RETURN(
      std::vector<chat::Member> members,
      chat::OpenTeachers({worker::DecodeTeacher(request.chat())}, models.open_chat));
  if (members.empty())
    return absl::InvalidArgumentError(
        "enrichment.entity_model: teacher, but there is no chat teacher");
  return members.front().model;
}

absl::StatusOr<worker::StageOutput> HandleEnrich(const worker::StageRequest& stage_request,
                                                 const ModelAccess& models,
                                                 worker::TaskContext& context) {
  const v1::EnrichRequest& request = stage_request.enrich();
  if (!request.has_documents()) return absl::InvalidArgumentError("Enrich needs documents");
  EnrichOptions options;
  if (request.settings().has_summary_sentences())
    options.summary_sentences = request.settings().summary_sentences();
  if (request.settings().has_keyword_count())
    options.keyword_count = request.settings().keyword_count();
  std::vector<std::string> warnings;
  FOUNDRY_RETURN_IF_ERROR(OpenEmbedder(request, models, context, &options, &warnings));
  FOUNDRY_ASSIGN_OR_RETURN(options.chat, OpenEntityModel(request, models));
  FOUNDRY_ASSIGN_OR_RETURN(worker::StageOutput output,
                           Enrich(worker::FromProto(request.documents()), options, context));
  output.warnings.insert(output.warnings.begin(), warnings.begin(), warnings.end());
  return output;
}

}  // namespace

worker::Stage MakeExtractionStage(ModelAccess models) {
  worker::Stage stage;
  stage.name = "extraction";
  stage.handlers[worker::StageRequest::kExtract] = HandleExtract;
  stage.handlers[worker::StageRequest::kEnrich] = [models = std::move(models)](
                                                      const worker::StageRequest& request,
                                                      worker::TaskContext& context) {
    return HandleEnrich(request, models, context);
  };
  return stage;
}

}  // namespace foundry::extraction
