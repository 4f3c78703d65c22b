// The order in which an adapter's values lie. Internal to common/lm.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "common/lm/lora/adapter.h"

namespace foundry::lm {

// Every fused linear in the order of computation.
void ForEachLinear(Decoder& decoder, const std::function<void(int64_t layer, Linear& linear)>& f);

// Modules over zeroed values, in the order of ForEachLinear and of the parts.
absl::StatusOr<Adapter> LayOutAdapter(const Decoder& decoder, const LoraOptions& options);

}  // namespace foundry::lm
