#include "common/config/explain.h"

#include "absl/strings/str_cat.h"
#include "common/config/settings.h"
#include "foundry/pipeline/v1/spec.pb.h"

namespace foundry::config {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;

void Explain(const Descriptor& descriptor, const std::string& path, std::vector<SettingRow>* rows) {
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const common::v1::Setting& setting = SettingOf(field);
    const std::string name = JoinPath(path, field.name());
    SettingRow row{name,           TypeOf(field),  setting.default_(), setting.smoke(),
                   setting.full(), setting.unit(), RangeOf(setting),   setting.help()};
    if (row.value.empty()) {
      if (setting.required()) row.value = "(required)";
      if (!path.empty() && (field.name() == "batch_size" || field.name() == "max_samples")) {
        row.value = absl::StrCat("(", field.name(), ")");
      }
    }
    if (setting.secret()) row.range = "env:NAME or file:PATH";
    rows->push_back(std::move(row));
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Explain(*field.message_type(), field.is_repeated() ? absl::StrCat(name, "[]") : name, rows);
    }
  }
}

}  // namespace

std::vector<SettingRow> ExplainSpec() {
  std::vector<SettingRow> rows;
  Explain(*pipeline::v1::PipelineSpec::descriptor(), "", &rows);
  return rows;
}

}  // namespace foundry::config
