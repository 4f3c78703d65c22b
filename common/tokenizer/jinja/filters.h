// The parts of the table of filters (filters.cc).
#pragma once

#include <map>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/arguments.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

struct Filter {
  const char* signature;  // as Bound::To, without the input
  absl::StatusOr<Value> (*call)(const Value& input, const Bound& given);
  bool markup = false;  // knows what to do with what |safe made
};
using FilterTable = std::map<absl::string_view, Filter>;

FilterTable TextFilters();
FilterTable ListFilters();
FilterTable NumberFilters();

}  // namespace foundry::tokenizer::jinja
