// What a PEFT adapter may be to be read. Thread-safe (no state).
#pragma once

#include "absl/status/status.h"
#include "common/base/json.h"

namespace foundry::lm {

// Unimplemented, with the setting, for an adapter_config.json that is more than LoRA or DoRA over
// the base as it is: biases, patterns of ranks, whole modules …, and initialisations that change
// the base's weights when the adapter is made (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA), to which A and
// B then belong (peft's tuners/lora/layer.py).
absl::Status CheckPeftConfig(const Json& config);

}  // namespace foundry::lm
