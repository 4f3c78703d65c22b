#include "services/extraction/sources/row_document.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/text/language.h"
#include "common/text/normalize.h"
#include "common/text/structure.h"
#include "common/text/utf8.h"

namespace foundry::extraction {
namespace {

using Fields = std::vector<std::string>;

constexpr size_t kMostMetadata = 24;       // members
constexpr size_t kLongestMetadata = 2000;  // bytes

// Names that public data sets use, most specific first; all members of a set must be there.
const std::vector<Fields>& UsualFields() {
  static const auto* fields = new std::vector<Fields>{{"prompt", "canonical_solution"},
                                                      {"instruction", "input", "output"},
                                                      {"instruction", "output"},
                                                      {"instruction", "response"},
                                                      {"question", "context", "answer"},
                                                      {"question", "answer"},
                                                      {"question", "answers"},
                                                      {"problem", "solution"},
                                                      {"query", "response"},
                                                      {"prompt", "completion"},
                                                      {"prompt", "response"},
                                                      {"nl", "cmd"},
                                                      {"docstring", "code"},
                                                      {"input", "target"},
                                                      {"input", "output"},
                                                      {"text"},
                                                      {"content"},
                                                      {"body"},
                                                      {"article"},
                                                      {"document"},
                                                      {"passage"},
                                                      {"markdown"},
                                                      {"code"},
                                                      {"whole_func_string"},
                                                      {"func_code_string"},
                                                      {"context"},
                                                      {"abstract"},
                                                      {"description"},
                                                      {"prompt"}};
  return *fields;
}

// Text of a member: strings as they are, numbers and booleans printed, lists of them one a line.
std::string TextOf(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  if (value.is_array()) {
    std::vector<std::string> parts;
    for (const Json& item : value) {
      std::string part = TextOf(item);
      if (!part.empty()) parts.push_back(std::move(part));
    }
    return absl::StrJoin(parts, "\n");
  }
  if (value.is_object() && value.contains("text")) return TextOf(value["text"]);
  return "";
}

bool HasText(const Json& row, const std::string& field) {
  const auto it = row.find(field);
  return it != row.end() && !absl::StripAsciiWhitespace(TextOf(*it)).empty();
}

// The members that make the text.
Fields TextFields(const Json& row, const RowOptions& options) {
  Fields out;
  if (!options.text_fields.empty()) {
    std::copy_if(options.text_fields.begin(), options.text_fields.end(), std::back_inserter(out),
                 [&](const std::string& f) { return HasText(row, f); });
    return out;
  }
  for (const Fields& fields : UsualFields()) {
    if (std::all_of(fields.begin(), fields.end(),
                    [&](const std::string& f) { return HasText(row, f); }))
      return fields;
  }
  return out;
}

// Nothing has a usual name: every member with text, labelled.
std::string AllMembers(const Json& row) {
  std::string text;
  for (const auto& [key, value] : row.items()) {
    const std::string part = TextOf(value);
    if (!absl::StripAsciiWhitespace(part).empty())
      absl::StrAppend(&text, text.empty() ? "" : "\n", key, ": ", part);
  }
  return text;
}

std::string FirstOf(const Json& row, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto it = row.find(key);
    if (it != row.end() && it->is_string() && !it->get<std::string>().empty())
      return it->get<std::string>();
  }
  return "";
}

void AddMetadata(const Json& row, const Fields& used, Json* metadata) {
  if (row.contains("metadata") && row["metadata"].is_object()) {
    for (const auto& [key, value] : row["metadata"].items()) {
      if (metadata->size() < kMostMetadata && !metadata->contains(key) &&
          value.dump().size() <= kLongestMetadata) {
        (*metadata)[key] = value;
      }
    }
  }
  Json fields = Json::object();
  for (const auto& [key, value] : row.items()) {
    if (key == "text" || key == "content" || key == "metadata" || key == "url") continue;
    if (std::find(used.begin(), used.end(), key) != used.end() || value.is_null()) continue;
    if (fields.size() >= kMostMetadata || value.is_object() || value.is_array()) continue;
    if (value.is_string() && value.get_ref<const std::string&>().size() > kLongestMetadata)
      continue;
    fields[key] = value;
  }
  if (!fields.empty()) (*metadata)["fields"] = std::move(fields);
}

}  // namespace

absl::StatusOr<dataset::Document> RowDocument(const Json& row, const std::string& source,
                                              const RowOptions& options) {
  dataset::Document document;
  document.url = source;
  document.metadata = {{"kind", options.kind}};
  std::string text;
  if (row.is_string()) {
    text = row.get<std::string>();
  } else if (row.is_object()) {
    const Fields fields = TextFields(row, options);
    std::vector<std::string> parts;
    for (const std::string& field : fields) parts.push_back(TextOf(row[field]));
    text = absl::StrJoin(parts, "\n");
    if (fields.empty() && options.text_fields.empty() && options.any_member) text = AllMembers(row);
    if (const std::string url = FirstOf(row, {"url", "source_url", "link"}); !url.empty())
      document.url = url;
    document.title =
        text::OneLine(FirstOf(row, {"title", "name", "headline", "task_id", "func_name", "path"}));
    AddMetadata(row, fields, &document.metadata);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("the row is ", row.type_name(), ", not an object or a string"));
  }
  text::NormalizeStats stats;
  document.text = text::Normalize(text, {}, &stats);
  if (document.text.empty()) {
    return absl::InvalidArgumentError(
        options.text_fields.empty()
            ? "no member with a usual name (text, content, body, …) has text"
            : absl::StrCat("none of the text_fields ", absl::StrJoin(options.text_fields, ", "),
                           " has text"));
  }
  if (stats.invalid_utf8 > 0) document.metadata["invalid_utf8"] = stats.invalid_utf8;
  text::FillStructure(text::DetectHeadings(document.text), &document);
  document.metadata["language"] = text::GuessLanguage(document.text).code;
  return document;
}

}  // namespace foundry::extraction
