// Checks that a field's options ask for: range, allowed values, required, secret references.
// Thread-safe (no state).
#pragma once

#include "common/config/problems.h"
#include "google/protobuf/message.h"

namespace foundry::config {

// Checks every set field of `message` and of the messages inside it.
void CheckSettings(google::protobuf::Message& message, Problems* problems);

// Checks that every text can travel in messages: UTF-8 without NUL. Run it once paths are resolved:
// a folder's name may be anything.
void CheckEncoding(google::protobuf::Message& message, Problems* problems);

}  // namespace foundry::config
