// Templates in trees. Thread-safe (no state).
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/ast.h"

namespace foundry::tokenizer::jinja {

// InvalidArgument for what is no template, Unimplemented for what these templates do not know
// (include, import, extends, call blocks …); both name the line. Nesting has a limit.
absl::StatusOr<std::vector<Node>> Parse(absl::string_view source);

}  // namespace foundry::tokenizer::jinja
