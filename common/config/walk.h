// Visiting every set field of a message with its path. Thread-safe (no state).
#pragma once

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace foundry::config {

// Calls `visit` for each field of `message` and of the messages inside it, set or not; with index
// -1 for a field as a whole, and again with 0, 1, … for each item of a list of scalars. Unset
// sections are not entered.
using FieldVisitor = std::function<void(google::protobuf::Message& message,
                                        const google::protobuf::FieldDescriptor& field, int index,
                                        const std::string& path)>;
void VisitFields(google::protobuf::Message& message, absl::string_view path,
                 const FieldVisitor& visit);

// A text value: the field itself (index -1) or an item of a list.
std::string GetText(const google::protobuf::Message& message,
                    const google::protobuf::FieldDescriptor& field, int index);
void SetText(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
             int index, std::string value);

}  // namespace foundry::config
