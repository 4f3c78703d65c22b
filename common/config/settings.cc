#include "common/config/settings.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace foundry::config {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost 1.
int EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<int>> cost(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const int substitution = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

const common::v1::Setting& SettingOf(const FieldDescriptor& field) {
  return field.options().GetExtension(common::v1::setting);
}

std::string DefaultOf(const FieldDescriptor& field, absl::string_view profile) {
  const common::v1::Setting& setting = SettingOf(field);
  if (profile == "smoke" && !setting.smoke().empty()) return setting.smoke();
  if (profile == "full" && !setting.full().empty()) return setting.full();
  return setting.default_();
}

const FieldDescriptor* ShorthandOf(const Descriptor& message) {
  const std::string& name = message.options().GetExtension(common::v1::shorthand);
  return name.empty() ? nullptr : message.FindFieldByName(name);
}

std::string RangeOf(const common::v1::Setting& setting) {
  if (setting.allowed_size() > 0) {
    return absl::StrCat("one of ", absl::StrJoin(setting.allowed(), ", "));
  }
  if (setting.has_min() && setting.has_max()) {
    return absl::StrCat("between ", FormatNumber(setting.min()), " and ",
                        FormatNumber(setting.max()));
  }
  if (setting.has_min()) return absl::StrCat("at least ", FormatNumber(setting.min()));
  if (setting.has_max()) return absl::StrCat("at most ", FormatNumber(setting.max()));
  return "";
}

std::string TypeOf(const FieldDescriptor& field) {
  std::string type;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      type = "true or false";
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      type = "text";
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      type = "section";
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      type = "number";
      break;
    default:
      type = "whole number";
  }
  return field.is_repeated() ? absl::StrCat("list of ", type) : type;
}

std::string FormatNumber(double value) {
  if (std::floor(value) == value && std::fabs(value) < 1e16) {
    return absl::StrCat(static_cast<int64_t>(value));
  }
  return absl::StrCat(value);
}

std::string Suggest(absl::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  int best_distance = std::max<int>(1, static_cast<int>(word.size()) / 3) + 1;
  for (const std::string& candidate : candidates) {
    const int distance =
        EditDistance(absl::AsciiStrToLower(word), absl::AsciiStrToLower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string JoinPath(absl::string_view outer, absl::string_view name) {
  return outer.empty() ? std::string(name) : absl::StrCat(outer, ".", name);
}

std::string IndexPath(absl::string_view list, int index) {
  return absl::StrCat(list, "[", index, "]");
}

}  // namespace foundry::config
