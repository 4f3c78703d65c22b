// The generated services of the six stages, each method one line.
#include "common/worker/stage_door.h"
#include "foundry/evaluator/v1/evaluator.grpc.pb.h"
#include "foundry/extraction/v1/extraction.grpc.pb.h"
#include "foundry/merger/v1/merger.grpc.pb.h"
#include "foundry/self_study/v1/self_study.grpc.pb.h"
#include "foundry/teacher/v1/teacher.grpc.pb.h"
#include "foundry/trainer/v1/trainer.grpc.pb.h"

namespace foundry::worker {
namespace {

using Context = grpc::CallbackServerContext;
template <typename Response>
using Writer = grpc::ServerWriteReactor<Response>;

class Extraction : public extraction::v1::ExtractionService::CallbackService {
 public:
  explicit Extraction(StageDoor* door) : door_(door) {}
  Writer<extraction::v1::ExtractResponse>* Extract(
      Context* context, const extraction::v1::ExtractRequest* request) override {
    return door_->Serve<extraction::v1::ExtractRequest, extraction::v1::ExtractResponse>(
        context, extraction::v1::ExtractionService::service_full_name(), "Extract", request,
        [](const auto& request, StageRequest* envelope) {
          *envelope->mutable_extract() = request;
        });
  }
  Writer<extraction::v1::EnrichResponse>* Enrich(
      Context* context, const extraction::v1::EnrichRequest* request) override {
    return door_->Serve<extraction::v1::EnrichRequest, extraction::v1::EnrichResponse>(
        context, extraction::v1::ExtractionService::service_full_name(), "Enrich", request,
        [](const auto& request, StageRequest* envelope) { *envelope->mutable_enrich() = request; });
  }

 private:
  StageDoor* const door_;
};

class Teacher : public teacher::v1::TeacherService::CallbackService {
 public:
  explicit Teacher(StageDoor* door) : door_(door) {}
  Writer<teacher::v1::GeneratePairsResponse>* GeneratePairs(
      Context* context, const teacher::v1::GeneratePairsRequest* request) override {
    return door_->Serve<teacher::v1::GeneratePairsRequest, teacher::v1::GeneratePairsResponse>(
        context, teacher::v1::TeacherService::service_full_name(), "GeneratePairs", request,
        [](const auto& request, StageRequest* envelope) {
          *envelope->mutable_generate_pairs() = request;
        });
  }

 private:
  StageDoor* const door_;
};

class Trainer : public trainer::v1::TrainerService::CallbackService {
 public:
  explicit Trainer(StageDoor* door) : door_(door) {}
  Writer<trainer::v1::TrainResponse>* Train(Context* context,
                                            const trainer::v1::TrainRequest* request) override {
    return door_->Serve<trainer::v1::TrainRequest, trainer::v1::TrainResponse>(
        context, trainer::v1::TrainerService::service_full_name(), "Train", request,
        [](const auto& request, StageRequest* envelope) { *envelope->mutable_train() = request; });
  }

 private:
  StageDoor* const door_;
};

class Merger : public merger::v1::MergerService::CallbackService {
 public:
  explicit Merger(StageDoor* door) : door_(door) {}
  Writer<merger::v1::MergeResponse>* Merge(Context* context,
                                           const merger::v1::MergeRequest* request) override {
    return door_->Serve<merger::v1::MergeRequest, merger::v1::MergeResponse>(
        context, merger::v1::MergerService::service_full_name(), "Merge", request,
        [](const auto& request, StageRequest* envelope) { *envelope->mutable_merge() = request; });
  }

 private:
  StageDoor* const door_;
};

class SelfStudy : public self_study::v1::SelfStudyService::CallbackService {
 public:
  explicit SelfStudy(StageDoor* door) : door_(door) {}
  Writer<self_study::v1::StudyResponse>* Study(
      Context* context, const self_study::v1::StudyRequest* request) override {
    return door_->Serve<self_study::v1::StudyRequest, self_study::v1::StudyResponse>(
        context, self_study::v1::SelfStudyService::service_full_name(), "Study", request,
        [](const auto& request, StageRequest* envelope) { *envelope->mutable_study() = request; });
  }
  Writer<self_study::v1::MixResponse>* Mix(Context* context,
                                           const self_study::v1::MixRequest* request) override {
    return door_->Serve<self_study::v1::MixRequest, self_study::v1::MixResponse>(
        context, self_study::v1::SelfStudyService::service_full_name(), "Mix", request,
        [](const auto& request, StageRequest* envelope) { *envelope->mutable_mix() = request; });
  }

 private:
  StageDoor* const door_;
};

class Evaluator : public evaluator::v1::EvaluatorService::CallbackService {
 public:
  explicit Evaluator(StageDoor* door) : door_(door) {}
  Writer<evaluator::v1::EvaluateResponse>* Evaluate(
      Context* context, const evaluator::v1::EvaluateRequest* request) override {
    return door_->Serve<evaluator::v1::EvaluateRequest, evaluator::v1::EvaluateResponse>(
        context, evaluator::v1::EvaluatorService::service_full_name(), "Evaluate", request,
        [](const auto& request, StageRequest* envelope) {
          *envelope->mutable_evaluate() = request;
        });
  }
  Writer<evaluator::v1::ReportResponse>* Report(
      Context* context, const evaluator::v1::ReportRequest* request) override {
    return door_->Serve<evaluator::v1::ReportRequest, evaluator::v1::ReportResponse>(
        context, evaluator::v1::EvaluatorService::service_full_name(), "Report", request,
        [](const auto& request, StageRequest* envelope) { *envelope->mutable_report() = request; });
  }

 private:
  StageDoor* const door_;
};

template <typename Service>
std::unique_ptr<grpc::Service> Make(StageDoor* door) {
  return std::make_unique<Service>(door);
}

constexpr struct {
  const char* stage;
  std::unique_ptr<grpc::Service> (*make)(StageDoor*);
} kServices[] = {
    {"extraction", Make<Extraction>}, {"teacher", Make<Teacher>},
    {"trainer", Make<Trainer>},       {"merger", Make<Merger>},
    {"self_study", Make<SelfStudy>},  {"evaluator", Make<Evaluator>},
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeStageServices(const StageRunner& runner,
                                                              StageDoor* door) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  for (const Stage& stage : runner.stages) {
    for (const auto& service : kServices) {
      if (stage.name == service.stage) services.push_back(service.make(door));
    }
  }
  return services;
}

}  // namespace foundry::worker
