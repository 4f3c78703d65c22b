// What filters share with the methods of texts.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

// str.replace(old, new, count); count below 0: all.
absl::StatusOr<Value> Replaced(absl::string_view text, absl::string_view old,
                               absl::string_view fresh, int64_t count);

}  // namespace foundry::tokenizer::jinja
