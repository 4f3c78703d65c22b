#include "services/coordinator/planner/decide.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace foundry::coordinator {
namespace {

using pipeline::v1::PipelineSpec;

class Decider {
 public:
  Decider(const PipelineSpec& spec, const InputFacts& facts) : spec_(spec), facts_(facts) {}

  absl::StatusOr<Decisions> Decide() {
    Data();
    Models();
    FOUNDRY_RETURN_IF_ERROR(problem_);
    return std::move(decisions_);
  }

 private:
  bool Named(absl::string_view step) const {
    return std::find(spec_.steps().begin(), spec_.steps().end(), step) != spec_.steps().end();
  }

  // Skips a step that is not among `steps`, or for one of the reasons; true when it runs.
  bool Runs(absl::string_view step, absl::string_view handed_in) {
    std::string reason;
    if (!handed_in.empty()) {
      reason = absl::StrCat("inputs.", handed_in, " is handed in");
    } else if (spec_.steps_size() > 0 && !Named(step)) {
      reason = "not among `steps`";
    } else {
      return true;
    }
    decisions_.skipped.emplace(step, reason);
    return false;
  }

  // A step without what it reads is skipped, unless the user asked for it by name.
  bool Needs(absl::string_view step, bool available, absl::string_view what,
             absl::string_view advice) {
    if (available) return true;
    if (Named(step) && problem_.ok()) {
      problem_ =
          absl::InvalidArgumentError(absl::StrCat("steps: ", step, " needs ", what, ": ", advice));
    }
    decisions_.skipped.emplace(step, absl::StrCat("no ", what));
    return false;
  }

  void Data() {
    const auto& inputs = spec_.inputs();
    const char* enriched = inputs.has_enriched_data() ? "enriched_data" : "";
    const bool extracts = Runs("extraction", enriched) &&
                          Needs("extraction", spec_.sources_size() > 0, "sources", "list some");
    documents_ = extracts || inputs.has_enriched_data();
    if (Runs("enrichment", enriched)) {
      Needs("enrichment", documents_, "documents",
            "add extraction to `steps`, or hand in inputs.enriched_data");
    }
    pairs_ = inputs.has_teacher_pairs();
    if (pairs_ && facts_.pairs_need_targets.value_or(true)) {
      decisions_.fill_pairs = Runs("teacher", "");
    } else if (Runs("teacher", pairs_ ? "teacher_pairs" : "")) {
      pairs_ = Needs("teacher", documents_, "documents",
                     "add extraction to `steps`, or hand in inputs.enriched_data");
    }
  }

  void Models() {
    const auto& inputs = spec_.inputs();
    const char* handed = inputs.has_merged_model() ? "merged_model"
                         : inputs.has_adapter()    ? "adapter"
                                                   : "";
    bool adapter = inputs.has_adapter();
    if (Runs("distillation", handed)) {
      adapter = Needs("distillation", pairs_, "pairs",
                      "add teacher to `steps`, or hand in inputs.teacher_pairs");
    }
    if (Runs("merge", inputs.has_merged_model() ? "merged_model" : "")) {
      Needs("merge", adapter, "adapter", "add distillation to `steps`, or hand in inputs.adapter");
    }
    if (Runs("self_study", "")) {
      if (spec_.self_study().iterations() == 0) {
        decisions_.skipped.emplace("self_study", "self_study.iterations is 0");
      } else if (Needs("self_study", documents_ || spec_.self_study().documents_size() > 0,
                       "documents", "hand in inputs.enriched_data, or list self_study.documents")) {
        Needs("self_study", pairs_, "pairs",
              "add teacher to `steps`, or hand in inputs.teacher_pairs: their dev split scores the "
              "rounds");
      }
    }
    if (Runs("evaluation", "")) {
      const auto& datasets = spec_.evaluation().datasets();
      const bool own = std::any_of(datasets.begin(), datasets.end(),
                                   [](const auto& dataset) { return !dataset.has_builtin(); });
      Needs("evaluation", own || pairs_, "questions",
            "list evaluation.datasets, or hand in inputs.teacher_pairs");
    }
  }

  const PipelineSpec& spec_;
  const InputFacts& facts_;
  Decisions decisions_;
  absl::Status problem_;
  bool documents_ = false;
  bool pairs_ = false;
};

}  // namespace

absl::StatusOr<Decisions> DecideSteps(const PipelineSpec& spec, const InputFacts& facts) {
  return Decider(spec, facts).Decide();
}

}  // namespace foundry::coordinator
