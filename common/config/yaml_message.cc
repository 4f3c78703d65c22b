#include "common/config/yaml_message.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/settings.h"
#include "yaml-cpp/yaml.h"

namespace foundry::config {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

// Carries what every level needs down the document.
class Reader {
 public:
  Reader(std::string file, std::filesystem::path folder, const Origin* fixed, Problems* problems)
      : file_(std::move(file)), folder_(std::move(folder)), fixed_(fixed), problems_(problems) {}

  void ReadMap(const YAML::Node& node, const std::string& path, Message* message) {
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const Origin origin = OriginOf(entry.first);
      if (!entry.first.IsScalar()) {
        problems_->AddAt(origin, path, "a key must be plain text");
        continue;
      }
      const std::string key = entry.first.Scalar();
      const std::string inner = JoinPath(path, key);
      const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(key);
      if (field == nullptr) {
        UnknownKey(origin, inner, key, *message->GetDescriptor());
      } else if (!seen.insert(key).second) {
        problems_->AddAt(origin, inner, "is set twice");
      } else {
        problems_->SetOrigin(inner, origin);
        ReadField(entry.second, inner, *field, message);
      }
    }
  }

  void ReadField(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                 Message* message) {
    if (field.is_repeated()) {
      ReadList(node, path, field, message);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      ReadMessage(node, path, message->GetReflection()->MutableMessage(message, &field));
    } else {
      ReadScalar(node, path, field, message);
    }
  }

 private:
  Origin OriginOf(const YAML::Node& node) const {
    if (fixed_ != nullptr) return *fixed_;
    const int line = node.Mark().line + 1;
    return {absl::StrCat(file_, ":", line), line, folder_};
  }

  void UnknownKey(const Origin& origin, const std::string& path, const std::string& key,
                  const Descriptor& descriptor) {
    std::vector<std::string> names;
    for (int i = 0; i < descriptor.field_count(); ++i) {
      names.push_back(descriptor.field(i)->name());
    }
    const std::string guess = Suggest(key, names);
    problems_->AddAt(origin, path,
                     guess.empty()
                         ? absl::StrCat("unknown key; known here: ", absl::StrJoin(names, ", "))
                         : absl::StrCat("unknown key; did you mean \"", guess, "\"?"));
  }

  void ReadMessage(const YAML::Node& node, const std::string& path, Message* message) {
    if (node.IsNull()) return;  // a section whose settings are all commented out
    const FieldDescriptor* shorthand = ShorthandOf(*message->GetDescriptor());
    if (node.IsScalar() && shorthand != nullptr) {
      problems_->SetOrigin(path, OriginOf(node));
      ReadScalar(node, path, *shorthand, message);
    } else if (node.IsMap()) {
      ReadMap(node, path, message);
    } else {
      problems_->AddAt(OriginOf(node), path, "must be a section (key: value), not a plain value");
    }
  }

  void ReadList(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                Message* message) {
    const Reflection& reflection = *message->GetReflection();
    reflection.ClearField(message, &field);
    const bool of_messages = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (of_messages && (node.IsMap() || (node.IsScalar() && !node.Scalar().empty()))) {
      ReadMessage(node, IndexPath(path, 0), reflection.AddMessage(message, &field));
      return;
    }
    if (!node.IsSequence()) {
      problems_->AddAt(OriginOf(node), path,
                       absl::StrCat("must be a ", TypeOf(field), ", such as [",
                                    of_messages ? "{…}" : "a, b", "]"));
      return;
    }
    const std::string& fallback = SettingOf(field).default_();
    if (node.size() == 0 && !fallback.empty() && fallback != "[]") {
      problems_->AddAt(OriginOf(node), path, "must not be empty");
    }
    int index = 0;
    for (const YAML::Node& item : node) {
      const std::string inner = IndexPath(path, index++);
      problems_->SetOrigin(inner, OriginOf(item));
      if (of_messages) {
        ReadMessage(item, inner, reflection.AddMessage(message, &field));
      } else {
        ReadScalar(item, inner, field, message);
      }
    }
  }

  void ReadScalar(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                  Message* message) {
    const Origin origin = OriginOf(node);
    const bool text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    // `- previous: PATH` in a list of text is YAML for a map of one entry.
    if (field.is_repeated() && text && node.IsMap() && node.size() == 1 &&
        node.begin()->first.IsScalar() && node.begin()->second.IsScalar()) {
      message->GetReflection()->AddString(
          message, &field,
          absl::StrCat(node.begin()->first.Scalar(), ": ", node.begin()->second.Scalar()));
      return;
    }
    if (node.IsNull() || !node.IsScalar()) {
      problems_->AddAt(
          origin, path,
          absl::StrCat("must be ", text ? "text" : TypeName(field), ", ",
                       node.IsNull() ? "but nothing is set: give a value or remove the key"
                                     : "not a list or a section"));
      return;
    }
    // yaml-cpp tags quoted scalars "!": the user asked for text.
    if (!text && node.Tag() == "!") {
      problems_->AddAt(origin, path,
                       absl::StrCat("must be ", TypeName(field), ", but \"", node.Scalar(),
                                    "\" is text: remove the quotes"));
      return;
    }
    if (const std::optional<std::string> error = SetScalar(node.Scalar(), field, message)) {
      problems_->AddAt(origin, path, *error);
    }
  }

  static std::string TypeName(const FieldDescriptor& field) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) return "true or false";
    return field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE ? "a number" : "a whole number";
  }

  // The error, or nothing.
  static std::optional<std::string> SetScalar(const std::string& value,
                                              const FieldDescriptor& field, Message* message) {
    const Reflection& reflection = *message->GetReflection();
    const bool list = field.is_repeated();
    const std::string wrong = absl::StrCat("must be ", TypeName(field), ", got \"", value, "\"");
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        list ? reflection.AddString(message, &field, value)
             : reflection.SetString(message, &field, value);
        return std::nullopt;
      case FieldDescriptor::CPPTYPE_BOOL: {
        const std::string lower = absl::AsciiStrToLower(value);
        if (lower != "true" && lower != "false") return wrong;
        reflection.SetBool(message, &field, lower == "true");
        return std::nullopt;
      }
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        double number = 0;
        if (!absl::SimpleAtod(value, &number) || !std::isfinite(number)) return wrong;
        reflection.SetDouble(message, &field, number);
        return std::nullopt;
      }
      case FieldDescriptor::CPPTYPE_INT32: {
        int64_t number = 0;
        if (!absl::SimpleAtoi(value, &number)) return wrong;
        if (number != static_cast<int32_t>(number)) {
          return absl::StrCat("must be ", RangeOf(SettingOf(field)), ", got ", value);
        }
        reflection.SetInt32(message, &field, static_cast<int32_t>(number));
        return std::nullopt;
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        int64_t number = 0;
        if (!absl::SimpleAtoi(value, &number)) return wrong;
        reflection.SetInt64(message, &field, number);
        return std::nullopt;
      }
      default:
        return absl::StrCat("cannot be set from a file (", field.cpp_type_name(), ")");
    }
  }

  const std::string file_;
  const std::filesystem::path folder_;
  const Origin* const fixed_;  // overrides have one origin for everything
  Problems* const problems_;
};

// The document, or nothing after adding a problem. The one place where yaml-cpp throws.
std::optional<YAML::Node> Parse(absl::string_view text, const std::string& file,
                                const Origin* fixed, absl::string_view path, Problems* problems) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    for (size_t i = 1; i < documents.size(); ++i) {
      if (documents[i].IsNull()) continue;
      const int line = documents[i].Mark().line + 1;
      problems->AddAt(fixed != nullptr ? *fixed : Origin{absl::StrCat(file, ":", line), line, {}},
                      path, "a second document begins here (---): one file holds one pipeline");
    }
    return documents.empty() ? YAML::Node() : documents[0];
  } catch (const YAML::Exception& error) {
    const int line = error.mark.line + 1;
    const Origin origin =
        fixed != nullptr ? *fixed : Origin{absl::StrCat(file, ":", line), line, {}};
    problems->AddAt(origin, path, absl::StrCat("not valid YAML: ", error.msg));
    return std::nullopt;
  }
}

}  // namespace

void MergeYaml(absl::string_view text, const YamlSource& source, Message* message,
               Problems* problems) {
  problems->SetOrigin("", {source.name, 0, source.folder});
  const std::optional<YAML::Node> root = Parse(text, source.name, nullptr, "", problems);
  if (!root.has_value() || root->IsNull()) return;
  if (!root->IsMap()) {
    problems->AddAt({source.name, 1, {}}, "", "must hold settings (key: value)");
    return;
  }
  Reader(source.name, source.folder, nullptr, problems).ReadMap(*root, "", message);
}

void SetFromText(absl::string_view text, const Origin& origin, const std::string& path,
                 const FieldDescriptor& field, Message* message, Problems* problems) {
  problems->SetOrigin(path, origin);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field.is_repeated()) {
    message->GetReflection()->SetString(message, &field, std::string(text));
    return;
  }
  const std::optional<YAML::Node> node = Parse(text, origin.text, &origin, path, problems);
  if (!node.has_value()) return;
  Reader(origin.text, origin.folder, &origin, problems).ReadField(*node, path, field, message);
}

}  // namespace foundry::config
