#include "services/coordinator/state.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace foundry::coordinator {
namespace {

using namespace v1;  // NOLINT: the table below reads better

constexpr uint8_t kJob = static_cast<uint8_t>(Entity::kJob);
constexpr uint8_t kStep = static_cast<uint8_t>(Entity::kStep);
constexpr uint8_t kTask = static_cast<uint8_t>(Entity::kTask);

struct Transition {
  State from;
  State to;
  uint8_t entities;
};

constexpr Transition kTransitions[] = {
    // Planning.
    {STATE_PENDING, STATE_READY, kStep},    // its first tasks were planned
    {STATE_PENDING, STATE_SKIPPED, kStep},  // handed in, not asked for, or nothing to do
    {STATE_READY, STATE_SKIPPED, kStep},    // every task's output existed already
    {STATE_READY, STATE_SUCCEEDED, kJob},   // every step was skipped
    {STATE_READY, STATE_FAILED, kJob | kStep},
    // Running.
    {STATE_READY, STATE_RUNNING, kJob | kStep | kTask},
    {STATE_RUNNING, STATE_READY, kTask},  // retry, release, lost lease
    {STATE_RUNNING, STATE_SUCCEEDED, kJob | kStep | kTask},
    {STATE_RUNNING, STATE_FAILED, kJob | kStep | kTask},
    {STATE_RUNNING, STATE_QUARANTINED, kTask},
    // Cancelling; a task whose worker was quicker keeps its output.
    {STATE_PENDING, STATE_CANCELLED, kStep},
    {STATE_READY, STATE_CANCELLED, kJob | kStep | kTask},
    {STATE_RUNNING, STATE_CANCELLED, kStep},
    {STATE_RUNNING, STATE_CANCELLING, kJob | kStep | kTask},
    {STATE_CANCELLING, STATE_CANCELLED, kJob | kStep | kTask},
    {STATE_CANCELLING, STATE_SUCCEEDED, kTask},
    // Retrying; from CANCELLING the old worker is fenced off by the next epoch.
    {STATE_FAILED, STATE_READY, kJob | kStep | kTask},
    {STATE_CANCELLED, STATE_READY, kJob | kStep | kTask},
    {STATE_CANCELLING, STATE_READY, kJob | kStep | kTask},
    {STATE_QUARANTINED, STATE_READY, kTask},
    {STATE_CANCELLED, STATE_PENDING, kStep},  // it had no tasks yet
};

}  // namespace

bool IsLegal(Entity entity, State from, State to) {
  for (const Transition& transition : kTransitions) {
    if (transition.from == from && transition.to == to) {
      return (transition.entities & static_cast<uint8_t>(entity)) != 0;
    }
  }
  return false;
}

absl::Status CheckTransition(Entity entity, State from, State to) {
  if (IsLegal(entity, from, to)) return absl::OkStatus();
  const char* what = entity == Entity::kJob ? "job" : entity == Entity::kStep ? "step" : "task";
  return absl::FailedPreconditionError(
      absl::StrCat("a ", what, " that is ", StateName(from), " cannot become ", StateName(to)));
}

bool IsEnd(State state) {
  return state == STATE_SUCCEEDED || state == STATE_FAILED || state == STATE_CANCELLED ||
         state == STATE_QUARANTINED || state == STATE_SKIPPED;
}

const std::vector<State>& AllStates() {
  static const auto* const states = [] {
    auto* all = new std::vector<State>;
    for (int value = State_MIN; value <= State_MAX; ++value) {
      if (State_IsValid(value)) all->push_back(static_cast<State>(value));
    }
    return all;
  }();
  return *states;
}

absl::string_view StateName(State state) { return absl::StripPrefix(State_Name(state), "STATE_"); }

}  // namespace foundry::coordinator
