#include "common/config/resolve.h"

#include <string>

#include "common/config/settings.h"
#include "common/config/yaml_message.h"

namespace foundry::config {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

class Filler {
 public:
  Filler(std::string profile, Problems* problems)
      : profile_(std::move(profile)), problems_(problems) {}

  void Fill(const std::string& path, Message* message) {
    const Descriptor& descriptor = *message->GetDescriptor();
    for (int i = 0; i < descriptor.field_count(); ++i) {
      FillField(JoinPath(path, descriptor.field(i)->name()), *descriptor.field(i), message);
    }
  }

 private:
  void FillField(const std::string& path, const FieldDescriptor& field, Message* message) {
    const Reflection& reflection = *message->GetReflection();
    const bool section = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    const bool set = field.is_repeated() ? reflection.FieldSize(*message, &field) > 0
                                         : reflection.HasField(*message, &field);
    if (!set) {
      const std::string value = DefaultOf(field, profile_);
      // A problem here means that a default in the proto is wrong; tests set every profile.
      if (!value.empty())
        SetFromText(value, {"default", 0, problems_->OriginOf("").folder}, path, field, message,
                    problems_);
    }
    if (!section) return;
    if (!field.is_repeated()) {
      Fill(path, reflection.MutableMessage(message, &field));
      return;
    }
    for (int item = 0; item < reflection.FieldSize(*message, &field); ++item) {
      Fill(IndexPath(path, item), reflection.MutableRepeatedMessage(message, &field, item));
    }
  }

  const std::string profile_;
  Problems* const problems_;
};

// Copies the global batch_size and max_samples, where they are set, into each step that leaves its
// own unset.
void FillFromGlobal(pipeline::v1::PipelineSpec* spec) {
  const Reflection& reflection = *spec->GetReflection();
  const Descriptor& descriptor = *spec->GetDescriptor();
  for (const char* name : {"batch_size", "max_samples"}) {
    const FieldDescriptor* global = descriptor.FindFieldByName(name);
    if (!reflection.HasField(*spec, global)) continue;
    for (int i = 0; i < descriptor.field_count(); ++i) {
      const FieldDescriptor* step = descriptor.field(i);
      if (step->is_repeated() || step->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      const FieldDescriptor* own = step->message_type()->FindFieldByName(name);
      if (own == nullptr) continue;
      Message* section = reflection.MutableMessage(spec, step);
      if (section->GetReflection()->HasField(*section, own)) continue;
      section->GetReflection()->SetInt32(section, own, reflection.GetInt32(*spec, global));
    }
  }
}

}  // namespace

void FillDefaults(pipeline::v1::PipelineSpec* spec, Problems* problems) {
  const std::string profile = spec->has_profile() ? spec->profile() : "laptop";
  FillFromGlobal(spec);  // what the user set goes before a step's default …
  Filler(profile, problems).Fill("", spec);
  FillFromGlobal(spec);  // … and that before the global one
}

}  // namespace foundry::config
