// Checks that a field's options ask for: range, allowed values, required, secret references.
// Thread-safe (no state).
#pragma once

#include "common/config/problems.h"
#include "google/protobuf/message.h"

namespace foundry::config {

// Checks every set field of `message` and of the messages inside it.
void CheckSettings(google::protobuf::Message& message, Problems* problems);

}  // namespace foundry::config
