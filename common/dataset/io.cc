#include "common/dataset/io.h"

#include <zlib.h>

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace foundry::dataset {
namespace fs = std::filesystem;
namespace {

using Visit = std::function<absl::Status(const Json& value, const std::string& where)>;

// zlib reads plain files through the same calls as compressed ones.
absl::StatusOr<std::string> ReadMaybeCompressed(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": no such file"));
  }
  std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(path.c_str(), "rb"), &gzclose);
  if (file == nullptr)
    return absl::PermissionDeniedError(absl::StrCat(path.string(), ": cannot open"));
  std::string out;
  std::string buffer(1 << 20, '\0');
  int got = 0;
  while ((got = gzread(file.get(), buffer.data(), buffer.size())) > 0) out.append(buffer, 0, got);
  int code = Z_OK;
  const char* message = gzerror(file.get(), &code);
  if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
    return absl::DataLossError(absl::StrCat(path.string(), ": cannot decompress: ", message));
  }
  return out;
}

absl::Status VisitArray(const Json& array, const fs::path& path, const Visit& visit) {
  for (size_t i = 0; i < array.size(); ++i) {
    FOUNDRY_RETURN_IF_ERROR(visit(array[i], absl::StrCat(path.string(), ": item ", i + 1)));
  }
  return absl::OkStatus();
}

absl::Status VisitLines(absl::string_view text, const fs::path& path, const Visit& visit) {
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const absl::string_view line = absl::StripAsciiWhitespace(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::string where = absl::StrCat(path.string(), ":", number);
    FOUNDRY_ASSIGN_OR_RETURN(const Json value, ParseJson(line, where));
    FOUNDRY_RETURN_IF_ERROR(visit(value, where));
  }
  return absl::OkStatus();
}

// The first of `names` inside a folder; `path` itself when it is a file.
absl::StatusOr<fs::path> FileOf(const fs::path& path, std::initializer_list<const char*> names) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  std::string tried;
  for (const char* name : names) {
    if (fs::exists(path / name, error)) return path / name;
    absl::StrAppend(&tried, tried.empty() ? "" : " or ", name);
  }
  return absl::NotFoundError(absl::StrCat(path.string(), ": folder has no ", tried));
}

template <typename Record>
absl::StatusOr<std::vector<Record>> ReadRecords(const fs::path& path,
                                                absl::StatusOr<Record> (*from_json)(const Json&)) {
  std::vector<Record> records;
  FOUNDRY_RETURN_IF_ERROR(ForEachJson(path, [&](const Json& value, const std::string& where) {
    absl::StatusOr<Record> record = from_json(value);
    if (!record.ok()) return Annotate(record.status(), where);
    records.push_back(*std::move(record));
    return absl::OkStatus();
  }));
  return records;
}

}  // namespace

absl::Status ForEachJson(const fs::path& path, const Visit& visit) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string content, ReadMaybeCompressed(path));
  absl::string_view text = content;
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  const absl::string_view trimmed = absl::StripAsciiWhitespace(text);
  if (trimmed.empty()) return absl::OkStatus();
  if (trimmed.front() == '[') {
    FOUNDRY_ASSIGN_OR_RETURN(const Json array, ParseJson(trimmed, path.string()));
    return VisitArray(array, path, visit);
  }
  // One object spread over several lines is a file of one record.
  const absl::string_view first = trimmed.substr(0, trimmed.find('\n'));
  if (first.size() < trimmed.size() && !ParseJson(first, "").ok()) {
    if (absl::StatusOr<Json> whole = ParseJson(trimmed, path.string()); whole.ok()) {
      return visit(*whole, path.string());
    }
  }
  return VisitLines(text, path, visit);
}

absl::StatusOr<std::vector<Document>> ReadDocuments(const fs::path& path) {
  FOUNDRY_ASSIGN_OR_RETURN(const fs::path file,
                           FileOf(path, {"documents.jsonl", "enriched_data.json"}));
  return ReadRecords<Document>(file, &DocumentFromJson);
}

absl::StatusOr<std::vector<Pair>> ReadPairs(const fs::path& path) {
  FOUNDRY_ASSIGN_OR_RETURN(const fs::path file,
                           FileOf(path, {"pairs.jsonl", "teacher_pairs.json"}));
  return ReadRecords<Pair>(file, &PairFromJson);
}

absl::StatusOr<std::vector<Question>> ReadQuestions(const fs::path& path) {
  return ReadRecords<Question>(path, &QuestionFromJson);
}

absl::Status WriteJsonLines(const fs::path& path, const std::vector<Json>& rows) {
  std::string text;
  for (const Json& row : rows) absl::StrAppend(&text, DumpJson(row), "\n");
  return WriteFileAtomic(path, text);
}

absl::Status WriteJsonArray(const fs::path& path, const std::vector<Json>& rows) {
  std::string text = "[";
  for (size_t i = 0; i < rows.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "\n" : ",\n", DumpJson(rows[i]));
  }
  absl::StrAppend(&text, rows.empty() ? "]\n" : "\n]\n");
  return WriteFileAtomic(path, text);
}

}  // namespace foundry::dataset
