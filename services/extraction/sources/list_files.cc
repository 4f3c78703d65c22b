#include "services/extraction/sources/list_files.h"

#include <fnmatch.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/listing.h"
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

absl::StatusOr<std::vector<InputFile>> MatchPattern(const Source& source, int index) {
  const auto [folder, pattern] = SplitPattern(source.path);
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<fs::path> files, ListFiles(folder));
  std::vector<InputFile> out;
  for (const fs::path& file : files) {
    if (fnmatch(pattern.c_str(), file.generic_string().c_str(), FNM_PATHNAME) != 0) continue;
    out.push_back({index, source.kind, folder / file, file.generic_string()});
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

absl::StatusOr<std::vector<InputFile>> ListSource(const Source& source, int index) {
  std::error_code error;
  std::vector<InputFile> out;
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
  } else if (!SplitPattern(source.path).pattern.empty()) {
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
