// What a field says about itself through the options of foundry/common/v1/setting.proto.
// Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "foundry/common/v1/setting.pb.h"
#include "google/protobuf/descriptor.h"

namespace foundry::config {

// Empty for a field without the option.
const common::v1::Setting& SettingOf(const google::protobuf::FieldDescriptor& field);

// The default in YAML notation under a profile (smoke, laptop, full); empty: none.
std::string DefaultOf(const google::protobuf::FieldDescriptor& field, absl::string_view profile);

// The field that a plain scalar stands for, or null.
const google::protobuf::FieldDescriptor* ShorthandOf(const google::protobuf::Descriptor& message);

// "between 0.01 and 1000", "at least 1", "one of none, exact, near"; empty: anything goes.
std::string RangeOf(const common::v1::Setting& setting);

// "whole number", "number", "true or false", "text", "section"; with "list of " before it.
std::string TypeOf(const google::protobuf::FieldDescriptor& field);

// 1000000000 rather than 1e+09.
std::string FormatNumber(double value);

// The candidate that `word` probably misspells (Damerau-Levenshtein distance up to a third of its
// length), or empty.
std::string Suggest(absl::string_view word, const std::vector<std::string>& candidates);

// Joins "distillation" and "epochs"; the outer path may be empty.
std::string JoinPath(absl::string_view outer, absl::string_view name);
std::string IndexPath(absl::string_view list, int index);

}  // namespace foundry::config
