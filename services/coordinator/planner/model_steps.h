// Requests that distillation and self-study share. Internal to the planner.
#pragma once

#include "services/coordinator/planner/builder.h"

namespace foundry::coordinator {

// Training of the base, continuing from `adapter` where there is one.
v1::StageRequest TrainRequestFor(const PlanBuilder& builder, const std::optional<Input>& adapter,
                                 const Input& pairs);
v1::StageRequest MergeRequestFor(const PlanBuilder& builder, const Input& adapter);

}  // namespace foundry::coordinator
