#include "services/teacher/teacher_service.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/chat/open.h"
#include "common/dataset/io.h"
#include "common/worker/decode.h"
#include "services/teacher/generate.h"

namespace foundry::teacher {
namespace {

using v1::GeneratePairsRequest;

TeacherOptions DecodeOptions(const GeneratePairsRequest& request) {
  const pipeline::v1::TeacherSettings& settings = request.settings();
  TeacherOptions options;
  if (settings.has_pairs_per_document()) options.pairs_per_document = settings.pairs_per_document();
  if (settings.question_types_size() > 0) {
    options.question_types = {settings.question_types().begin(), settings.question_types().end()};
  }
  if (settings.levels_size() > 0) {
    options.levels = {settings.levels().begin(), settings.levels().end()};
  }
  if (settings.has_context_window()) options.context_window = settings.context_window();
  if (settings.has_min_score()) options.min_score = settings.min_score();
  if (settings.has_max_attempts()) options.max_attempts = settings.max_attempts();
  if (request.batch_size() > 0) options.batch_size = request.batch_size();
  if (settings.has_batch_size()) options.batch_size = settings.batch_size();
  options.max_samples = request.max_samples();
  if (settings.has_max_samples()) options.max_samples = settings.max_samples();
  options.seed = static_cast<uint64_t>(request.seed());
  return options;
}

LocalUse DecodeUse(const GeneratePairsRequest& request, const TeacherOptions& options) {
  LocalUse use;
  if (!request.use_gpu().empty()) use.use_gpu = request.use_gpu();
  use.batch_size = options.batch_size;
  use.context_window = options.context_window;
  return use;
}

absl::StatusOr<Teachers> OpenTeachers(const GeneratePairsRequest& request, const LocalUse& use,
                                      const ModelAccess& models) {
  Teachers teachers;
  std::vector<chat::TeacherConfig> configs;
  for (const auto& teacher : request.teachers()) configs.push_back(worker::DecodeTeacher(teacher));
  teachers.extractive = configs.empty();  // the default ensemble
  for (const chat::TeacherConfig& config : configs) {
    if (!config.extractive() || config.weight <= 0) continue;
    teachers.extractive = true;
    teachers.extractive_weight = config.weight;
  }
  FOUNDRY_ASSIGN_OR_RETURN(teachers.chat,
                           chat::OpenTeachers(configs, [&](const std::string& model) {
                             return models.open_chat(model, use);
                           }));
  return teachers;
}

// The embedding model judges what chat models write; the extractive teacher needs no judge.
absl::StatusOr<EmbedFunction> OpenEmbedder(const GeneratePairsRequest& request, const LocalUse& use,
                                           const ModelAccess& models,
                                           worker::TaskContext& context) {
  if (!request.has_embedder() || models.open_embedder == nullptr) return EmbedFunction();
  std::string path = request.embedder().name();
  if (request.embedder().has_files()) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto folder,
                             context.Fetch(worker::FromProto(request.embedder().files())));
    path = folder.string();
  }
  if (path.empty()) return EmbedFunction();
  return models.open_embedder(path, use);
}

absl::StatusOr<Generated> Run(const GeneratePairsRequest& request, const ModelAccess& models,
                              worker::TaskContext& context) {
  const TeacherOptions options = DecodeOptions(request);
  const LocalUse use = DecodeUse(request, options);
  Hooks hooks;
  hooks.cancel = context.cancel();
  hooks.on_progress = [&context](double done, double total, const std::string& message) {
    context.Progress({done, total, "prompts", message});
  };
  FOUNDRY_ASSIGN_OR_RETURN(Teachers teachers, OpenTeachers(request, use, models));
  if (!teachers.chat.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(teachers.embed, OpenEmbedder(request, use, models, context));
  }
  if (request.parts_size() > 0) {
    std::vector<dataset::Pair> all;
    for (const common::v1::Input& part : request.parts()) {
      FOUNDRY_RETURN_IF_ERROR(context.cancel().Check());
      FOUNDRY_ASSIGN_OR_RETURN(const auto path, context.Fetch(worker::FromProto(part)));
      FOUNDRY_ASSIGN_OR_RETURN(std::vector<dataset::Pair> pairs, dataset::ReadPairs(path));
      for (dataset::Pair& pair : pairs) all.push_back(std::move(pair));
    }
    return JoinPairs(std::move(all), options, teachers.embed);
  }
  if (request.has_pairs()) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto path, context.Fetch(worker::FromProto(request.pairs())));
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<dataset::Pair> pairs, dataset::ReadPairs(path));
    return FillTargets(std::move(pairs), options, teachers, hooks);
  }
  if (!request.has_documents()) {
    return absl::InvalidArgumentError("GeneratePairs needs documents, parts or pairs");
  }
  FOUNDRY_ASSIGN_OR_RETURN(const auto path, context.Fetch(worker::FromProto(request.documents())));
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<dataset::Document> documents, dataset::ReadDocuments(path));
  if (documents.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(path.string(), ": no documents"));
  }
  return GeneratePairs(
      ShardOf(std::move(documents), request.shard().index(), request.shard().count()), options,
      teachers, hooks);
}

absl::StatusOr<worker::StageOutput> Handle(const worker::StageRequest& request,
                                           const ModelAccess& models,
                                           worker::TaskContext& context) {
  FOUNDRY_ASSIGN_OR_RETURN(Generated made, Run(request.generate_pairs(), models, context));
  FOUNDRY_RETURN_IF_ERROR(WritePairs(context.output(), made.pairs));
  worker::StageOutput output;
  output.counts = std::move(made.counts);
  output.warnings = std::move(made.warnings);
  output.figures["pairs"] = static_cast<double>(made.pairs.size());
  context.Message(absl::StrCat(made.pairs.size(), " pairs"));
  return output;
}

}  // namespace

worker::Stage MakeTeacherStage(ModelAccess models) {
  worker::Stage stage;
  stage.name = "teacher";
  stage.handlers[worker::StageRequest::kGeneratePairs] = [models = std::move(models)](
                                                             const worker::StageRequest& request,
                                                             worker::TaskContext& context) {
    return Handle(request, models, context);
  };
  return stage;
}

}  // namespace foundry::teacher
