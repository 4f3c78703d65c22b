#include "common/config/overrides.h"

#include <unistd.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/config/settings.h"
#include "common/config/yaml_message.h"

namespace foundry::config {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

constexpr absl::string_view kPrefix = "FOUNDRY_";

// Paths of all settings that need no index: name, distillation.lora.rank, sources.
void ListSettings(const Descriptor& descriptor, const std::string& path,
                  std::vector<std::string>* settings) {
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const std::string inner = JoinPath(path, field.name());
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field.is_repeated()) {
      ListSettings(*field.message_type(), inner, settings);
    } else {
      settings->push_back(inner);
    }
  }
}

std::string VariableOf(const std::string& path) {
  return absl::StrCat(kPrefix, absl::AsciiStrToUpper(absl::StrReplaceAll(path, {{".", "_"}})));
}

// Walks to the message that holds the last part of `path` and sets it there.
void SetByPath(const std::string& path, absl::string_view value, const Origin& origin,
               Message* message, Problems* problems) {
  const std::vector<std::string> parts = absl::StrSplit(path, '.');
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string name = parts[i].substr(0, parts[i].find('['));
    const Descriptor& descriptor = *message->GetDescriptor();
    const FieldDescriptor* field = descriptor.FindFieldByName(name);
    if (field == nullptr) {
      std::vector<std::string> names;
      for (int f = 0; f < descriptor.field_count(); ++f)
        names.push_back(descriptor.field(f)->name());
      const std::string guess = Suggest(name, names);
      problems->AddAt(
          origin, path,
          absl::StrCat("unknown setting \"", name, "\"",
                       guess.empty() ? "" : absl::StrCat("; did you mean \"", guess, "\"?")));
      return;
    }
    const bool last = i + 1 == parts.size();
    const bool section = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    const Reflection& reflection = *message->GetReflection();
    if (name.size() < parts[i].size()) {  // name[index]
      int index = -1;
      const std::string digits = parts[i].substr(name.size() + 1);
      const int size = field->is_repeated() ? reflection.FieldSize(*message, field) : -1;
      if (!section || digits.empty() || digits.back() != ']' ||
          !absl::SimpleAtoi(digits.substr(0, digits.size() - 1), &index) || index < 0 ||
          index > size) {
        problems->AddAt(origin, path,
                        absl::StrCat("\"", parts[i], "\" is not an item: ", name,
                                     section && size >= 0
                                         ? absl::StrCat(" has ", size, " items, counted from 0")
                                         : " cannot be set item by item"));
        return;
      }
      message = index == size ? reflection.AddMessage(message, field)
                              : reflection.MutableRepeatedMessage(message, field, index);
      if (!last) continue;
      const FieldDescriptor* shorthand = ShorthandOf(*message->GetDescriptor());
      if (shorthand == nullptr) {
        problems->AddAt(origin, path, "is a section: name one of its settings");
        return;
      }
      SetFromText(value, origin, path, *shorthand, message, problems);
      return;
    }
    if (last) {
      SetFromText(value, origin, path, *field, message, problems);
      return;
    }
    if (!section || field->is_repeated()) {
      problems->AddAt(origin, path,
                      absl::StrCat("\"", name, "\" is a ", TypeOf(*field), " and has no setting \"",
                                   parts[i + 1], "\""));
      return;
    }
    message = reflection.MutableMessage(message, field);
  }
}

}  // namespace

void ApplyAssignment(absl::string_view assignment, Message* message, Problems* problems) {
  const Origin origin{"--set", 0, "."};
  const size_t equals = assignment.find('=');
  if (equals == absl::string_view::npos || equals == 0) {
    problems->AddAt(origin, "",
                    absl::StrCat("\"", assignment, "\" is not of the form setting=value"));
    return;
  }
  SetByPath(std::string(absl::StripAsciiWhitespace(assignment.substr(0, equals))),
            assignment.substr(equals + 1), origin, message, problems);
}

void ApplyEnvironment(const std::map<std::string, std::string>& environment, Message* message,
                      Problems* problems) {
  std::vector<std::string> paths;
  ListSettings(*message->GetDescriptor(), "", &paths);
  std::map<std::string, std::string> known;
  std::vector<std::string> variables;
  for (const std::string& path : paths) {
    variables.push_back(VariableOf(path));
    known[variables.back()] = path;
  }
  std::vector<std::string> sections;
  const Descriptor& descriptor = *message->GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    if (descriptor.field(i)->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      sections.push_back(absl::StrCat(VariableOf(descriptor.field(i)->name()), "_"));
    }
  }
  for (const auto& [name, value] : environment) {
    if (!absl::StartsWith(name, kPrefix)) continue;
    const Origin origin{name, 0, "."};
    if (const auto it = known.find(name); it != known.end()) {
      SetByPath(it->second, value, origin, message, problems);
      continue;
    }
    bool in_section = false;
    for (const std::string& section : sections) in_section |= absl::StartsWith(name, section);
    if (!in_section) continue;
    const std::string guess = Suggest(name, variables);
    problems->AddAt(origin, "",
                    absl::StrCat("is not a setting",
                                 guess.empty() ? "" : absl::StrCat("; did you mean ", guess, "?")));
  }
}

std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals == absl::string_view::npos) continue;
    environment.emplace(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
  }
  return environment;
}

}  // namespace foundry::config
