#include "common/base/json.h"

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace foundry {
namespace {

// nlohmann's parser does not recurse, but walking and printing a value do: nesting is bounded here.
int MaxDepth(absl::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if (c == '}' || c == ']') --depth;
  }
  return deepest;
}

// "[json.exception.parse_error.101] parse error at line 1, column 3: …" without its first tag.
std::string CleanMessage(absl::string_view what) {
  const size_t end = what.find("] ");
  return std::string(end == absl::string_view::npos ? what : what.substr(end + 2));
}

const Json* Find(const Json& object, absl::string_view key) {
  if (!object.is_object()) return nullptr;
  auto it = object.find(std::string(key));
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

absl::Status WrongType(absl::string_view key, absl::string_view wanted, const Json& got) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", key, "\" must be ", wanted, ", not ", got.type_name()));
}

}  // namespace

absl::StatusOr<Json> ParseJson(absl::string_view text, absl::string_view where) {
  if (MaxDepth(text) > kMaxJsonDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": JSON nested deeper than ", kMaxJsonDepth, " levels"));
  }
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::exception& e) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", CleanMessage(e.what())));
  }
}

absl::StatusOr<Json> ReadJsonFile(const std::filesystem::path& path) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  absl::string_view view = text;
  if (view.substr(0, 3) == "\xEF\xBB\xBF") view.remove_prefix(3);
  return ParseJson(view, path.string());
}

absl::Status WriteJsonFile(const std::filesystem::path& path, const Json& value, int indent) {
  return WriteFileAtomic(path, DumpJson(value, indent) + "\n");
}

std::string DumpJson(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<std::string> JsonString(const Json& object, absl::string_view key,
                                       absl::string_view fallback) {
  const Json* member = Find(object, key);
  if (member == nullptr) return std::string(fallback);
  if (!member->is_string()) return WrongType(key, "a string", *member);
  return member->get<std::string>();
}

absl::StatusOr<int64_t> JsonInt(const Json& object, absl::string_view key, int64_t fallback) {
  const Json* member = Find(object, key);
  if (member == nullptr) return fallback;
  if (!member->is_number_integer()) return WrongType(key, "an integer", *member);
  if (member->is_number_unsigned() && member->get<uint64_t>() > INT64_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", key, "\" is too large: ", DumpJson(*member)));
  }
  return member->get<int64_t>();
}

absl::StatusOr<double> JsonDouble(const Json& object, absl::string_view key, double fallback) {
  const Json* member = Find(object, key);
  if (member == nullptr) return fallback;
  if (!member->is_number()) return WrongType(key, "a number", *member);
  return member->get<double>();
}

absl::StatusOr<bool> JsonBool(const Json& object, absl::string_view key, bool fallback) {
  const Json* member = Find(object, key);
  if (member == nullptr) return fallback;
  if (!member->is_boolean()) return WrongType(key, "true or false", *member);
  return member->get<bool>();
}

absl::StatusOr<std::vector<std::string>> JsonStrings(const Json& object, absl::string_view key) {
  std::vector<std::string> out;
  const Json* member = Find(object, key);
  if (member == nullptr) return out;
  if (!member->is_array()) return WrongType(key, "a list of strings", *member);
  for (const Json& item : *member) {
    if (!item.is_string()) return WrongType(key, "a list of strings", item);
    out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace foundry
