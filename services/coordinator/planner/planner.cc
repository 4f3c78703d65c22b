#include "services/coordinator/planner/planner.h"

#include "common/base/status.h"
#include "services/coordinator/planner/builder.h"
#include "services/coordinator/planner/decide.h"

namespace foundry::coordinator {
namespace {

constexpr absl::StatusOr<bool> (*kPlanners[])(PlanBuilder&) = {
    PlanExtraction, PlanEnrichment, PlanTeacher,   PlanDistillation,
    PlanMerge,      PlanSelfStudy,  PlanEvaluation};
static_assert(std::size(kPlanners) == std::size(kSteps));

}  // namespace

absl::StatusOr<Plan> MakePlan(const PipelineSpec& spec, const InputFacts& facts,
                              const std::vector<FinishedTask>& finished) {
  FOUNDRY_ASSIGN_OR_RETURN(const Decisions decisions, DecideSteps(spec, facts));
  PlanBuilder builder(spec, facts, decisions, finished);
  for (absl::string_view name : kSteps) {
    PlannedStep& step = builder.plan.steps.emplace_back();
    step.name = std::string(name);
    if (const auto skipped = decisions.skipped.find(name); skipped != decisions.skipped.end()) {
      step.phase = StepPhase::kSkipped;
      step.reason = skipped->second;
    }
  }
  // A step starts when everything before it is done: later steps read what earlier ones made.
  bool earlier_done = true;
  for (size_t i = 0; i < std::size(kSteps) && earlier_done; ++i) {
    builder.step = &builder.plan.steps[i];
    if (builder.step->phase == StepPhase::kSkipped) continue;
    FOUNDRY_ASSIGN_OR_RETURN(earlier_done, kPlanners[i](builder));
    builder.step->phase = earlier_done ? StepPhase::kDone : StepPhase::kActive;
  }
  builder.plan.complete = earlier_done;
  return std::move(builder.plan);
}

}  // namespace foundry::coordinator
