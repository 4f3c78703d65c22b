// Settings from flags (--set distillation.epochs=2) and from the environment
// (FOUNDRY_DISTILLATION_EPOCHS=2). Thread-safe (no state).
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "common/config/problems.h"
#include "google/protobuf/message.h"

namespace foundry::config {

// `assignment` is PATH=VALUE, the value in YAML notation. A path may go into lists by index
// (sources[0].pdf), one past the end to append. Paths in values count from the current folder.
void ApplyAssignment(absl::string_view assignment, google::protobuf::Message* message,
                     Problems* problems);

// Applies every variable FOUNDRY_<PATH>, dots as underscores, that names a setting. An unknown one
// that begins with a section's name is a problem; other FOUNDRY_
// variables belong to other parts of the suite.
void ApplyEnvironment(const std::map<std::string, std::string>& environment,
                      google::protobuf::Message* message, Problems* problems);

// The variables of this process.
std::map<std::string, std::string> ProcessEnvironment();

}  // namespace foundry::config
