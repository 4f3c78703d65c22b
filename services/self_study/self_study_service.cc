#include "services/self_study/self_study_service.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/worker/decode.h"
#include "services/self_study/mix.h"
#include "services/self_study/study.h"
#include "services/teacher/extractive/extractive.h"

namespace foundry::self_study {
namespace {

using worker::StageOutput;
using worker::TaskContext;

// Wordings that the extractive teacher makes of each sentence, some of which nobody trained on yet.
std::vector<dataset::Pair> WriteWordings(const dataset::Document& document, uint64_t seed) {
  teacher::extractive::ExtractiveOptions options;
  options.seed = seed;
  return teacher::extractive::ExtractPairs(document, options);
}

absl::StatusOr<StudyModels> OpenModels(const v1::StudyRequest& request,
                                       const evaluator::ModelAccess& access, StudyOptions& options,
                                       TaskContext& context) {
  evaluator::ModelChoice local;
  if (!request.use_gpu().empty()) local.use_gpu = request.use_gpu();
  if (request.batch_size() > 0) local.batch_size = request.batch_size();
  if (request.settings().has_batch_size()) local.batch_size = request.settings().batch_size();

  StudyModels models;
  FOUNDRY_ASSIGN_OR_RETURN(const worker::ModelFiles student,
                           worker::FetchModel(request.student(), context));
  evaluator::ModelChoice choice = local;
  choice.model = student.model;
  choice.adapter = student.adapter;
  FOUNDRY_ASSIGN_OR_RETURN(evaluator::OpenedModel opened, access.open_model(choice));
  models.student = std::move(opened.chat);

  std::vector<chat::TeacherConfig> teachers;
  for (const auto& teacher : request.teachers()) teachers.push_back(worker::DecodeTeacher(teacher));
  if (options.verify_with_teacher) {
    FOUNDRY_ASSIGN_OR_RETURN(models.teacher, evaluator::OpenChatTeachers(teachers, access, local));
  }
  if (request.has_embedder()) {
    FOUNDRY_ASSIGN_OR_RETURN(const worker::ModelFiles embedder,
                             worker::FetchModel(request.embedder(), context));
    choice = local;
    choice.model = embedder.model;
    FOUNDRY_ASSIGN_OR_RETURN(models.embed, access.open_embedder(choice));
  }
  models.write = WriteWordings;
  // By the request, not by local paths: those differ between attempts.
  options.identity = absl::StrCat(request.student().SerializeAsString(),
                                  models.teacher ? models.teacher->name() : "");
  return models;
}

absl::StatusOr<std::vector<dataset::Pair>> ReadAll(
    const google::protobuf::RepeatedPtrField<common::v1::Input>& inputs, const char* file,
    TaskContext& context) {
  std::vector<dataset::Pair> pairs;
  for (const common::v1::Input& input : inputs) {
    FOUNDRY_ASSIGN_OR_RETURN(std::filesystem::path path, context.Fetch(worker::FromProto(input)));
    if (file != nullptr && std::filesystem::is_directory(path)) path /= file;
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<dataset::Pair> more, dataset::ReadPairs(path));
    std::move(more.begin(), more.end(), std::back_inserter(pairs));
  }
  return pairs;
}

absl::StatusOr<StageOutput> HandleStudy(const v1::StudyRequest& request,
                                        const evaluator::ModelAccess& access,
                                        TaskContext& context) {
  const pipeline::v1::SelfStudy& settings = request.settings();
  StudyOptions options;
  options.round = std::max(1, request.round());
  options.topics = {settings.topics().begin(), settings.topics().end()};
  if (!settings.difficulty().empty()) options.difficulty = settings.difficulty();
  if (settings.has_verify_with_teacher())
    options.verify_with_teacher = settings.verify_with_teacher();
  if (settings.has_questions_per_document())
    options.questions_per_document = settings.questions_per_document();
  options.seed = static_cast<uint64_t>(request.seed());
  options.shard_index = request.shard().index();
  options.shard_count = std::max(1, request.shard().count());
  options.cancel = context.cancel();
  options.progress = [&context](double done, double total, const std::string& message) {
    context.Progress({done, total, "documents", message});
  };

  FOUNDRY_ASSIGN_OR_RETURN(const auto path, context.Fetch(worker::FromProto(request.documents())));
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<dataset::Document> documents,
                           dataset::ReadDocuments(path));
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<dataset::Pair> pairs,
                           ReadAll(request.pairs(), nullptr, context));
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<dataset::Pair> previous,
                           ReadAll(request.previous(), "failed.jsonl", context));
  FOUNDRY_ASSIGN_OR_RETURN(const StudyModels models, OpenModels(request, access, options, context));
  FOUNDRY_ASSIGN_OR_RETURN(StudySummary summary, Study(documents, pairs, previous, models, options,
                                                       context.scratch(), context.output()));
  StageOutput output;
  output.counts = std::move(summary.counts);
  output.figures = std::move(summary.figures);
  output.warnings = std::move(summary.warnings);
  return output;
}

absl::StatusOr<StageOutput> HandleMix(const v1::MixRequest& request, TaskContext& context) {
  std::vector<std::filesystem::path> parts, pairs;
  for (const common::v1::Input& input : request.parts()) {
    FOUNDRY_ASSIGN_OR_RETURN(std::filesystem::path path, context.Fetch(worker::FromProto(input)));
    parts.push_back(std::move(path));
  }
  for (const common::v1::Input& input : request.pairs()) {
    FOUNDRY_ASSIGN_OR_RETURN(std::filesystem::path path, context.Fetch(worker::FromProto(input)));
    pairs.push_back(std::move(path));
  }
  FOUNDRY_ASSIGN_OR_RETURN(MixResult mix,
                           MixFiles(parts, pairs, request.round(), context.output()));
  StageOutput output;
  output.counts = std::move(mix.counts);
  return output;
}

}  // namespace

worker::Stage MakeSelfStudyStage(evaluator::ModelAccess models) {
  worker::Stage stage;
  stage.name = "self_study";
  stage.handlers[worker::StageRequest::kStudy] = [models](const worker::StageRequest& request,
                                                          TaskContext& context) {
    return HandleStudy(request.study(), models, context);
  };
  stage.handlers[worker::StageRequest::kMix] = [](const worker::StageRequest& request,
                                                  TaskContext& context) {
    return HandleMix(request.mix(), context);
  };
  return stage;
}

}  // namespace foundry::self_study
