#include "services/evaluator/report/suggestions.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "services/evaluator/metrics/errors.h"

namespace foundry::evaluator {
namespace {

constexpr size_t kMost = 8;
constexpr int kFewQuestions = 30;

std::string Percent(double share) { return absl::StrFormat("%.0f %%", 100 * share); }

class Advisor {
 public:
  Advisor(const Json& results, const std::vector<Curve>& curves)
      : results_(results), curves_(curves) {
    for (const char* label : {"self_study", "distilled"}) {
      for (const Json& model : results["models"]) {
        if (student_.empty() && model == label) student_ = label;
      }
    }
  }

  Json Run() {
    for (const Json& set : results_["datasets"]) {
      const std::string name = set["name"];
      if (set["questions"].get<int>() < kFewQuestions) FewQuestions(name, set);
      if (student_.empty() || !set["models"].contains(student_)) continue;
      Proof(name, set);
      Errors(name, set["models"][student_]);
      WeakDocuments(name, set["models"][student_]);
    }
    Wordings();
    SelfStudy();
    for (const Curve& curve : curves_) Epochs(curve);
    return list_;
  }

 private:
  void Add(const std::string& finding, const std::string& advice) {
    if (list_.size() < kMost) list_.push_back({{"finding", finding}, {"advice", advice}});
  }

  void FewQuestions(const std::string& name, const Json& set) {
    Add(absl::StrCat(name, " asks only ", set["questions"].get<int>(),
                     " questions, so its intervals are wide."),
        "Add questions (evaluation.datasets), or raise evaluation.max_samples.");
  }

  void Proof(const std::string& name, const Json& set) {
    for (const Json& comparison : set["comparisons"]) {
      if (comparison["before"] != "base" || comparison["after"] != student_) continue;
      const Json& difference = comparison["difference"];
      if (difference["low"].get<double>() > 0) return;
      Add(absl::StrFormat(
              "On %s the gain over the base model is not proven: %+.1f points, 95 %% interval "
              "%+.1f to %+.1f.",
              name, 100 * difference["mean"].get<double>(), 100 * difference["low"].get<double>(),
              100 * difference["high"].get<double>()),
          "More passes (distillation.epochs), more pairs (teacher.pairs_per_document) or a "
          "stronger teacher "
          "(models.teachers); more questions make the interval narrower.");
    }
  }

  void Errors(const std::string& name, const Json& summary) {
    const auto share = [&](const char* kind) {
      return summary["errors"].contains(kind) ? summary["errors"][kind]["share"].get<double>()
                                              : 0.0;
    };
    if (share("repetition") > 0.1) {
      Add(absl::StrCat("On ", name, " ", Percent(share("repetition")),
                       " of the answers repeat themselves."),
          "Mix in more general chat (distillation.replay_share), or lower "
          "distillation.learning_rate.");
    }
    if (share("refusal_or_empty") > 0.15) {
      Add(absl::StrCat("On ", name, " ", Percent(share("refusal_or_empty")),
                       " of the answers are refusals or empty."),
          "The pairs do not reach these questions: raise teacher.pairs_per_document or add "
          "teacher.levels.");
    }
    const double vague = share("wrong_number") + share("wrong_entity") + share("partial");
    if (vague > 0.3) {
      Add(absl::StrCat("On ", name, " ", Percent(vague),
                       " of the answers are of the right kind but hold the wrong name, number or "
                       "half of it."),
          "The facts are met too rarely: more wordings of each fact (teacher.pairs_per_document), "
          "more passes "
          "(distillation.epochs, self_study.iterations), or a higher rank "
          "(distillation.lora.rank).");
    }
    if (share("off_topic") > 0.2) {
      Add(absl::StrCat("On ", name, " ", Percent(share("off_topic")),
                       " of the answers are off the topic."),
          "Give the questions their document's title, and keep question_loss_weight above 0.");
    }
    const int questions = summary["questions"];
    if (questions > 0 && summary["truncated"].get<int>() * 5 > questions) {
      Add(absl::StrCat("On ", name, " ", Percent(summary["truncated"].get<double>() / questions),
                       " of the answers were cut at the limit of new tokens."),
          "Raise evaluation.max_new_tokens.");
    }
  }

  void WeakDocuments(const std::string& name, const Json& summary) {
    const std::string primary = summary["primary"];
    if (!summary["metrics"].contains(primary)) return;
    const double mean = summary["metrics"][primary]["mean"];
    std::vector<std::string> weak;
    for (const auto& [document, group] : summary["by_document"].items()) {
      if (group["questions"].get<int>() >= 4 && group[primary]["mean"].get<double>() < mean / 2) {
        weak.push_back(document);
      }
    }
    if (weak.empty() || summary["by_document"].size() < 2) return;
    const size_t shown = std::min<size_t>(weak.size(), 5);
    Add(absl::StrCat("On ", name, " these documents score less than half of the mean: ",
                     absl::StrJoin(weak.begin(), weak.begin() + shown, ", "),
                     weak.size() > shown ? " and more." : "."),
        "Study them on their own: name them in self_study.topics.");
  }

  // Held-out wordings of trained facts against questions that people wrote.
  void Wordings() {
    std::optional<double> held_out, people;
    for (const Json& set : results_["datasets"]) {
      if (student_.empty() || !set["models"].contains(student_)) continue;
      const Json& metrics = set["models"][student_]["metrics"];
      if (!metrics.contains("score")) continue;
      if (set["kind"] == "heldout") held_out = metrics["score"]["mean"].get<double>();
      if (set["kind"] == "qa") people = metrics["score"]["mean"].get<double>();
    }
    if (held_out && people && *held_out > *people + 0.2) {
      Add(absl::StrFormat("Held-out wordings of the teacher score %s, people's questions %s.",
                          Percent(*held_out), Percent(*people)),
          "The facts are there, but people ask for others or in other words: add "
          "teacher.question_types, or a "
          "second teacher.");
    }
  }

  void SelfStudy() {
    for (const Json& set : results_["datasets"]) {
      for (const Json& comparison : set["comparisons"]) {
        if (comparison["before"] != "distilled" ||
            (comparison["after"] != "self_study" && comparison["after"] != "self_study_not_kept")) {
          continue;
        }
        if (comparison["difference"]["mean"].get<double>() > 0) return;
        Add(absl::StrFormat("On %s self-study gained nothing (%+.1f points).",
                            set["name"].get<std::string>(),
                            100 * comparison["difference"]["mean"].get<double>()),
            "Let a stronger teacher verify (models.teachers), or raise "
            "self_study.questions_per_document.");
        return;
      }
    }
  }

  void Epochs(const Curve& curve) {
    const std::vector<std::pair<double, double>>* scores = nullptr;
    for (const char* name : {"validation_score", "val_score", "score"}) {
      const auto found = curve.series.find(name);
      if (scores == nullptr && found != curve.series.end()) scores = &found->second;
    }
    if (scores == nullptr || scores->size() < 3) return;
    const auto best =
        std::max_element(scores->begin(), scores->end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == scores->end() - 1) {
      Add(absl::StrCat("In ", curve.label, " the validation score still rose at the end."),
          "Train longer: raise distillation.epochs.");
    } else if (best - scores->begin() < static_cast<long>(scores->size()) / 3) {
      Add(absl::StrCat("In ", curve.label, " the validation score was best early (step ",
                       static_cast<int64_t>(best->first), ")."),
          "Fewer passes would do: lower distillation.epochs or distillation.learning_rate.");
    }
  }

  const Json& results_;
  const std::vector<Curve>& curves_;
  std::string student_;
  Json list_ = Json::array();
};

}  // namespace

Json Suggestions(const Json& results, const std::vector<Curve>& curves) {
  return Advisor(results, curves).Run();
}

}  // namespace foundry::evaluator
