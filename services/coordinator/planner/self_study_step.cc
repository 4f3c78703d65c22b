// self_study: rounds of ask, mix, train, score.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "services/coordinator/planner/model_steps.h"

namespace foundry::coordinator {
namespace {

// Weights of a round's tasks, relative to one another.
constexpr double kStudyWeight = 1, kMixWeight = 0.1, kTrainWeight = 1.5, kScoreWeight = 0.3,
                 kMergeWeight = 0.3;

// A round counts when its gain on dev questions would come by chance less often than this
// (two-sided p-value). The best of several noisy checkpoints looks better than it is: without a
// clear gain the earlier model stays.
constexpr double kClearGain = 0.1;

// Most dev questions that a model is asked: enough to see a gain of some three points.
constexpr int kMostDevQuestions = 400;

struct Model {
  int round = 0;  // 0: distillation
  double score = 0;
  std::optional<Input> adapter;
  const FinishedTask* scored = nullptr;
};

struct Round {
  const FinishedTask* train = nullptr;
  const FinishedTask* mix = nullptr;
  std::vector<const FinishedTask*> studies;
  double score = 0;
  const FinishedTask* scored = nullptr;
};

std::optional<double> FigureOf(const FinishedTask& task, const char* name) {
  const auto found = task.result.figures().find(name);
  if (found == task.result.figures().end()) return std::nullopt;
  return found->second;
}

// Nothing when there were no dev questions.
std::optional<double> DevScore(const FinishedTask& task) {
  for (const char* name : {"dev_score", "dev_contains", "score"}) {
    if (const auto figure = FigureOf(task, name)) return figure;
  }
  return std::nullopt;
}

bool ClearlyGained(const FinishedTask& score) {
  return FigureOf(score, "gain").value_or(0) > 0 &&
         FigureOf(score, "gain_p").value_or(1) <= kClearGain;
}

class SelfStudyPlan {
 public:
  explicit SelfStudyPlan(PlanBuilder& builder) : b_(builder), pairs_(*builder.pairs) {}

  absl::StatusOr<bool> Plan() {
    const int rounds = b_.spec.self_study().iterations();
    const double shards = std::max(1, b_.spec.self_study().shards());
    b_.step->expected_weight =
        kScoreWeight + rounds * (shards * kStudyWeight + kMixWeight + kTrainWeight + kScoreWeight) +
        kMergeWeight;
    if (!Documents()) return false;

    best_.adapter = b_.adapter;
    const FinishedTask* score = Score(0, b_.adapter);
    if (score == nullptr) return false;
    b_.step->manifest = score->manifest;
    const std::optional<double> distilled = DevScore(*score);
    if (!distilled.has_value()) {
      b_.warnings.push_back(
          "self_study: left out, because the pairs have no dev questions that could tell whether a "
          "round gains anything");
      return true;
    }
    best_.score = *distilled;
    best_.scored = score;
    for (int round = 1; round <= rounds; ++round) {
      FOUNDRY_ASSIGN_OR_RETURN(const bool done, PlanRound(round));
      if (!done) return false;
      if (best_.round != round) break;  // no clear gain
    }
    return Finish();
  }

 private:
  std::string Key(int round, absl::string_view name) { return absl::StrCat("r", round, "/", name); }

  // The documents to study: the pipeline's, or the ones listed for it.
  bool Documents() {
    documents_ = b_.documents;
    if (b_.spec.self_study().documents_size() == 0) return true;
    const FinishedTask* join = PlanReading(b_, "documents", b_.spec.self_study().documents());
    if (join == nullptr) return false;
    documents_ = OutputOf(*join, "documents.jsonl");
    return true;
  }

  // Dev questions of the teacher's pairs that no round asks, the same for every model; compared
  // with the best model so far.
  const FinishedTask* Score(int round, const std::optional<Input>& adapter) {
    v1::StageRequest request;
    auto* evaluate = request.mutable_evaluate();
    *evaluate = EvaluateRequestFor(b_, Key(round, "").substr(0, Key(round, "").size() - 1));
    *evaluate->mutable_model() = b_.WithAdapter(adapter);
    evaluate->clear_documents();
    evaluate->clear_datasets();
    evaluate->add_datasets()->set_builtin("heldout_pairs");
    evaluate->mutable_datasets(0)->set_name("dev");
    *evaluate->mutable_pairs() = *b_.pairs;
    evaluate->set_split("dev_unprobed");
    evaluate->set_max_samples(kMostDevQuestions);
    evaluate->mutable_settings()->clear_max_samples();
    if (best_.scored != nullptr) *evaluate->mutable_baseline() = OutputOf(*best_.scored, "");
    // Choosing needs the cheap judges only.
    evaluate->clear_judge();
    evaluate->mutable_settings()->clear_judges();
    evaluate->mutable_settings()->add_judges("exact");
    evaluate->mutable_settings()->add_judges("f1");
    return b_.Run(Key(round, "score"), request, kScoreWeight);
  }

  // The mix so far. It holds no test pairs: what is held out stands in the teacher's pairs.
  template <typename Request>
  void AddPairs(Request* request) {
    *request->add_pairs() = pairs_;
    if (!rounds_.empty()) *request->add_pairs() = *b_.pairs;
  }

  bool Studies(int round, Round* result) {
    const PipelineSpec& spec = b_.spec;
    v1::StageRequest request;
    auto* study = request.mutable_study();
    *study->mutable_student() = b_.WithAdapter(best_.adapter);
    *study->mutable_documents() = *documents_;
    AddPairs(study);
    *study->mutable_teachers() = spec.models().teachers();
    *study->mutable_embedder() = b_.Embedder();
    *study->mutable_settings() = spec.self_study();
    study->set_round(round);
    if (!rounds_.empty()) {
      for (const FinishedTask* part : rounds_.back().studies)
        *study->add_previous() = OutputOf(*part, "");
    }
    study->set_batch_size(spec.self_study().batch_size());
    study->set_seed(spec.seed());
    study->set_use_gpu(spec.use_gpu());
    const int count = std::max(1, spec.self_study().shards());
    for (int i = 0; i < count; ++i) {
      study->mutable_shard()->set_index(i);
      study->mutable_shard()->set_count(count);
      const FinishedTask* part =
          b_.Run(absl::StrCat(Key(round, "study"), "/", i), request, kStudyWeight);
      if (part != nullptr) result->studies.push_back(part);
    }
    return static_cast<int>(result->studies.size()) == count;
  }

  absl::StatusOr<bool> PlanRound(int number) {
    Round round;
    if (!Studies(number, &round)) return false;

    v1::StageRequest mix;
    for (const FinishedTask* part : round.studies)
      *mix.mutable_mix()->add_parts() = OutputOf(*part, "");
    AddPairs(mix.mutable_mix());
    mix.mutable_mix()->set_round(number);
    mix.mutable_mix()->set_seed(b_.spec.seed());
    round.mix = b_.Run(Key(number, "mix"), mix, kMixWeight);
    if (round.mix == nullptr) return false;
    pairs_ = OutputOf(*round.mix, "pairs.jsonl");

    v1::StageRequest train = TrainRequestFor(b_, best_.adapter, pairs_);
    auto* settings = train.mutable_train()->mutable_settings();
    settings->set_epochs(b_.spec.self_study().epochs());
    settings->set_learning_rate(b_.spec.self_study().learning_rate());
    if (documents_.has_value()) *train.mutable_train()->mutable_documents() = *documents_;
    round.train = b_.Run(Key(number, "train"), train, kTrainWeight);
    if (round.train == nullptr) return false;
    b_.curves.emplace_back(absl::StrCat("self_study round ", number),
                           OutputOf(*round.train, "metrics.jsonl"));

    const Input adapter = OutputOf(*round.train, "best_checkpoint");
    const FinishedTask* score = Score(number, adapter);
    if (score == nullptr) return false;
    round.score = DevScore(*score).value_or(0);
    round.scored = score;
    rounds_.push_back(round);
    if (ClearlyGained(*score)) best_ = {number, round.score, adapter, score};
    return true;
  }

  // The best round's model; it becomes merged/ only when it beats distillation.
  bool Finish() {
    const Round& best_round =
        *std::max_element(rounds_.begin(), rounds_.end(),
                          [](const Round& a, const Round& b) { return a.score < b.score; });
    b_.self_study = b_.WithAdapter(OutputOf(*best_round.train, "best_checkpoint"));
    b_.step->manifest = best_round.train->manifest;
    if (best_.round == 0) {
      b_.warnings.push_back(absl::StrCat(
          "self_study: no round clearly beat distillation on the dev questions (", best_round.score,
          " against ", best_.score, ", p = ", FigureOf(*best_round.scored, "gain_p").value_or(1),
          "), so merged/ stays the distilled model"));
      return true;
    }
    b_.self_study_won = true;
    const auto& steps = b_.spec.steps();
    if (steps.size() > 0 && std::find(steps.begin(), steps.end(), "merge") == steps.end())
      return true;
    const FinishedTask* merge = b_.Run("merge", MergeRequestFor(b_, *best_.adapter), kMergeWeight);
    if (merge == nullptr) return false;
    b_.self_study->Clear();
    *b_.self_study->mutable_files() = OutputOf(*merge, "merged");
    b_.step->manifest = merge->manifest;
    return true;
  }

  PlanBuilder& b_;
  std::optional<Input> documents_;
  Input pairs_;  // the mix so far
  Model best_;
  std::vector<Round> rounds_;
};

}  // namespace

absl::StatusOr<bool> PlanSelfStudy(PlanBuilder& builder) { return SelfStudyPlan(builder).Plan(); }

}  // namespace foundry::coordinator
