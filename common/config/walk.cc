#include "common/config/walk.h"

#include <utility>

#include "common/config/settings.h"

namespace foundry::config {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

}  // namespace

void VisitFields(Message& message, absl::string_view path, const FieldVisitor& visit) {
  const Descriptor& descriptor = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const std::string inner = JoinPath(path, field.name());
    visit(message, field, -1, inner);
    const bool section = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (field.is_repeated()) {
      for (int item = 0; item < reflection.FieldSize(message, &field); ++item) {
        if (section) {
          VisitFields(*reflection.MutableRepeatedMessage(&message, &field, item),
                      IndexPath(inner, item), visit);
        } else {
          visit(message, field, item, IndexPath(inner, item));
        }
      }
    } else if (section && reflection.HasField(message, &field)) {
      VisitFields(*reflection.MutableMessage(&message, &field), inner, visit);
    }
  }
}

std::string GetText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  return index < 0 ? reflection.GetString(message, &field)
                   : reflection.GetRepeatedString(message, &field, index);
}

void SetText(Message& message, const FieldDescriptor& field, int index, std::string value) {
  const Reflection& reflection = *message.GetReflection();
  if (index < 0) {
    reflection.SetString(&message, &field, std::move(value));
  } else {
    reflection.SetRepeatedString(&message, &field, index, std::move(value));
  }
}

}  // namespace foundry::config
