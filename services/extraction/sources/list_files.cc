#include "services/extraction/sources/list_files.h"

#include <fnmatch.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace foundry::extraction {
namespace fs = std::filesystem;
namespace {

std::string LowerName(const fs::path& file) {
  return absl::AsciiStrToLower(file.filename().string());
}

bool HasEnding(const fs::path& file, std::initializer_list<absl::string_view> endings) {
  const std::string name = LowerName(file);
  return std::any_of(endings.begin(), endings.end(),
                     [&](absl::string_view ending) { return absl::EndsWith(name, ending); });
}

bool IsPdfFile(const fs::path& file) { return HasEnding(file, {".pdf"}); }
bool IsJsonFile(const fs::path& file) { return HasEnding(file, {".json", ".json.gz"}); }

std::string FirstBytes(const fs::path& file, size_t count) {
  std::ifstream in(file, std::ios::binary);
  std::string bytes(count, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<size_t>(std::max<std::streamsize>(0, in.gcount())));
  return bytes;
}

// Walks in sorted order. `real` holds the folders on the way and those done: a link back ends
// there.
absl::Status Walk(const fs::path& folder, const fs::path& relative, std::set<fs::path>* real,
                  std::vector<fs::path>* out) {
  std::error_code error;
  const fs::path resolved = fs::canonical(folder, error);
  if (error)
    return absl::PermissionDeniedError(absl::StrCat(folder.string(), ": ", error.message()));
  if (!real->insert(resolved).second) return absl::OkStatus();
  std::vector<fs::path> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename());
  }
  if (error)
    return absl::PermissionDeniedError(absl::StrCat(folder.string(), ": ", error.message()));
  std::sort(names.begin(), names.end());
  for (const fs::path& name : names) {
    const fs::path path = folder / name;
    std::error_code ignored;  // a dangling link is no file
    if (fs::is_directory(path, ignored)) {
      if (absl::StartsWith(name.string(), ".")) continue;  // .git, caches
      FOUNDRY_RETURN_IF_ERROR(Walk(path, relative / name, real, out));
    } else if (fs::is_regular_file(path, ignored)) {
      out->push_back(relative / name);
    }
  }
  return absl::OkStatus();
}

bool Fits(SourceKind kind, const Source& source, const fs::path& file) {
  switch (kind) {
    case SourceKind::kPdf:
      return IsPdfFile(file);
    case SourceKind::kDataset:
      return (IsDatasetFile(file) || IsParquetFile(file)) &&
             (source.split.empty() || absl::StrContains(file.generic_string(), source.split));
    case SourceKind::kCve:
      return IsJsonFile(file);
    case SourceKind::kJson:
      return IsJsonFile(file) || HasEnding(file, {".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"});
  }
  return false;
}

const char* Wanted(SourceKind kind) {
  switch (kind) {
    case SourceKind::kPdf:
      return "PDF files";
    case SourceKind::kDataset:
      return "data set files (.jsonl, .parquet)";
    case SourceKind::kCve:
      return "CVE records (.json)";
    case SourceKind::kJson:
      return "JSON files";
  }
  return "";
}

// "docs/*.json": the folder before the first wildcard, and the rest to match.
absl::StatusOr<std::vector<InputFile>> MatchPattern(const Source& source, int index) {
  const size_t wildcard = source.path.find_first_of("*?[");
  const size_t slash = source.path.rfind('/', wildcard);
  const std::string folder =
      slash == std::string::npos ? "." : source.path.substr(0, std::max<size_t>(1, slash));
  const std::string pattern =
      slash == std::string::npos ? source.path : source.path.substr(slash + 1);
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<fs::path> files, ListFiles(folder));
  std::vector<InputFile> out;
  for (const fs::path& file : files) {
    if (fnmatch(pattern.c_str(), file.generic_string().c_str(), FNM_PATHNAME) != 0) continue;
    out.push_back({index, source.kind, fs::path(folder) / file, file.generic_string()});
  }
  return out;
}

}  // namespace

bool IsDatasetFile(const fs::path& file) {
  return HasEnding(file, {".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".json.gz"});
}

bool IsParquetFile(const fs::path& file) {
  return HasEnding(file, {".parquet", ".parquet.encrypted"});
}

absl::StatusOr<std::vector<fs::path>> ListFiles(const fs::path& folder) {
  std::vector<fs::path> out;
  std::set<fs::path> real;
  FOUNDRY_RETURN_IF_ERROR(Walk(folder, "", &real, &out));
  std::sort(out.begin(), out.end(), [](const fs::path& a, const fs::path& b) {
    return a.generic_string() < b.generic_string();
  });
  return out;
}

absl::StatusOr<std::vector<InputFile>> ListSource(const Source& source, int index) {
  std::error_code error;
  std::vector<InputFile> out;
  const bool pattern = source.path.find_first_of("*?[") != std::string::npos;
  if (fs::is_directory(source.path, error)) {
    FOUNDRY_ASSIGN_OR_RETURN(const std::vector<fs::path> files, ListFiles(source.path));
    for (const fs::path& file : files) {
      if (Fits(source.kind, source, file)) {
        out.push_back({index, source.kind, fs::path(source.path) / file, file.generic_string()});
      }
    }
  } else if (fs::exists(source.path, error)) {
    const fs::path path = source.path;
    out.push_back({index, source.kind, path, path.filename().string()});
  } else if (pattern) {
    FOUNDRY_ASSIGN_OR_RETURN(out, MatchPattern(source, index));
  } else {
    return absl::NotFoundError(absl::StrCat(source.path, ": no such file or folder"));
  }
  if (out.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        source.path, ": holds no ", Wanted(source.kind),
        source.split.empty() ? "" : absl::StrCat(" of the split \"", source.split, "\"")));
  }
  return out;
}

std::optional<SourceKind> DetectKind(const fs::path& file) {
  if (IsPdfFile(file)) return SourceKind::kPdf;
  if (IsParquetFile(file) || IsDatasetFile(file)) return SourceKind::kDataset;
  const std::string head = FirstBytes(file, 1024);
  if (IsJsonFile(file)) {
    // Both shapes name themselves within the first members, whatever their order.
    const std::string more = FirstBytes(file, 1 << 16);
    const bool cve =
        absl::StrContains(more, "\"CVE_RECORD\"") || absl::StrContains(more, "\"cveMetadata\"") ||
        absl::StrContains(more, "\"NVD_CVE\"") || absl::StrContains(more, "\"vulnerabilities\"");
    return cve ? SourceKind::kCve : SourceKind::kJson;
  }
  if (absl::StartsWith(head, "%PDF-")) return SourceKind::kPdf;
  if (absl::StartsWith(head, "PAR1")) return SourceKind::kDataset;
  return std::nullopt;
}

}  // namespace foundry::extraction
