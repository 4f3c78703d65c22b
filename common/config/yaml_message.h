// YAML to any protobuf message, by reflection.
//
// Only what YAML itself can get wrong is checked here: syntax, unknown and repeated keys, types.
// Ranges, paths and rules between settings are checked on the message (check.h, paths.h,
// pipeline_rules.h), so that messages from elsewhere get the same checks. A plain scalar stands for
// a message that declares a shorthand; a single value stands for a list of one only where the list
// holds messages. Nothing throws.
#pragma once

#include <filesystem>
#include <string>

#include "absl/strings/string_view.h"
#include "common/config/problems.h"
#include "google/protobuf/message.h"

namespace foundry::config {

struct YamlSource {
  std::string name;              // for errors: the file as the user gave it
  std::filesystem::path folder;  // relative paths count from here
};

// Merges a document into `message`; problems and the origin of each setting go to `problems`.
void MergeYaml(absl::string_view text, const YamlSource& source, google::protobuf::Message* message,
               Problems* problems);

// Sets one field from text in YAML notation, replacing what it held. Text fields take `text` as it
// stands.
void SetFromText(absl::string_view text, const Origin& origin, const std::string& path,
                 const google::protobuf::FieldDescriptor& field, google::protobuf::Message* message,
                 Problems* problems);

}  // namespace foundry::config
