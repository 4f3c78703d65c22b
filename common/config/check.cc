#include "common/config/check.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/settings.h"
#include "common/config/walk.h"
#include "common/text/utf8.h"

namespace foundry::config {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

void CheckNumber(double value, const common::v1::Setting& setting, const std::string& path,
                 Problems* problems) {
  if (!std::isfinite(value) || (setting.has_min() && value < setting.min()) ||
      (setting.has_max() && value > setting.max())) {
    problems->Add(path, absl::StrCat("must be ", RangeOf(setting), ", got ", FormatNumber(value)));
  }
}

void CheckText(const std::string& value, const common::v1::Setting& setting,
               const std::string& path, Problems* problems) {
  if (setting.secret() && !absl::StartsWith(value, "env:") && !absl::StartsWith(value, "file:")) {
    problems->Add(path, "must be a reference env:NAME or file:PATH, never the secret itself");
  }
  const auto& allowed = setting.allowed();
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    problems->Add(path, absl::StrCat("must be ", RangeOf(setting), ", got \"", value, "\""));
  }
}

}  // namespace

void CheckSettings(Message& root, Problems* problems) {
  VisitFields(root, "",
              [problems](Message& message, const FieldDescriptor& field, int index,
                         const std::string& path) {
                const Reflection& reflection = *message.GetReflection();
                const common::v1::Setting& setting = SettingOf(field);
                const bool whole_list = field.is_repeated() && index < 0;
                if (whole_list) return;
                if (index < 0 && !reflection.HasField(message, &field)) {
                  if (setting.required()) problems->Add(path, "is required");
                  return;
                }
                switch (field.cpp_type()) {
                  case FieldDescriptor::CPPTYPE_STRING:
                    CheckText(GetText(message, field, index), setting, path, problems);
                    break;
                  case FieldDescriptor::CPPTYPE_INT32:
                    CheckNumber(reflection.GetInt32(message, &field), setting, path, problems);
                    break;
                  case FieldDescriptor::CPPTYPE_INT64:
                    CheckNumber(static_cast<double>(reflection.GetInt64(message, &field)), setting,
                                path, problems);
                    break;
                  case FieldDescriptor::CPPTYPE_DOUBLE:
                    CheckNumber(reflection.GetDouble(message, &field), setting, path, problems);
                    break;
                  default:
                    break;
                }
              });
}

void CheckEncoding(Message& root, Problems* problems) {
  VisitFields(root, "",
              [problems](Message& message, const FieldDescriptor& field, int index,
                         const std::string& path) {
                if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return;
                if (field.is_repeated() && index < 0) return;
                const std::string text = GetText(message, field, index);
                if (text::IsValidUtf8(text) && text.find('\0') == std::string::npos) return;
                problems->Add(path, absl::StrCat("must be UTF-8 without NUL, got \"",
                                                 absl::CHexEscape(text), "\""));
              });
}

}  // namespace foundry::config
