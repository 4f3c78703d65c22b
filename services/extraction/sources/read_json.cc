// Data sets as JSON lines, JSON extracts, and CVE files.
#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/text/utf8.h"
#include "services/extraction/sources/cve.h"
#include "services/extraction/sources/line_reader.h"
#include "services/extraction/sources/result_builder.h"
#include "services/extraction/sources/row_document.h"

namespace foundry::extraction {
namespace {

// A parsed JSON value takes about ten times its text.
constexpr uintmax_t kMostJsonBytes = uintmax_t{512} << 20;

// What kind of error a JSON text has, for programs.
std::string JsonReason(absl::string_view message) {
  if (absl::StrContains(message, "nested deeper")) return "too_deep";
  if (absl::StrContains(message, "UTF-8")) return "invalid_utf8";
  if (absl::StrContains(message, "number overflow") || absl::StrContains(message, "out of range"))
    return "number_out_of_range";
  return "malformed";
}

RowOptions OptionsOf(const InputFile& file, const ReadOptions& options) {
  const bool json = file.kind == SourceKind::kJson;
  return {options.source.text_fields, json ? "json" : "dataset", !json};
}

void AddRow(const Json& row, int64_t number, const InputFile& file, const ReadOptions& options,
            ResultBuilder* out) {
  absl::StatusOr<dataset::Document> document =
      RowDocument(row, absl::StrCat(file.name, "#", number), OptionsOf(file, options));
  if (document.ok()) {
    out->Add(*std::move(document), number);
  } else {
    out->Refuse(number, row.is_object() || row.is_string() ? "no_text" : "not_an_object",
                std::string(document.status().message()));
  }
}

// Dates compare as text: YYYY-MM-DD.
void AddCve(const CveFacts& facts, int64_t row, const ReadOptions& options, ResultBuilder* out) {
  if (absl::EqualsIgnoreCase(facts.state, "REJECTED")) {
    out->Refuse(row, "rejected", absl::StrCat(facts.id, " was rejected by its authority"),
                "filtered");
  } else if (!options.source.published_after.empty() &&
             facts.published < options.source.published_after) {
    out->Refuse(row, "published_before",
                absl::StrCat(facts.id, " was published on ",
                             facts.published.empty() ? "an unknown date" : facts.published,
                             ", before ", options.source.published_after),
                "filtered");
  } else {
    absl::StatusOr<dataset::Document> document = CveDocument(facts);
    if (document.ok()) {
      out->Add(*std::move(document), row);
    } else {
      out->Refuse(row, "no_text", absl::StrCat(facts.id, ": ", document.status().message()));
    }
  }
}

void AddCveRecords(const std::vector<CveFacts>& records, const ReadOptions& options,
                   ResultBuilder* out) {
  const bool single = records.size() == 1;
  for (size_t i = 0; i < records.size() && !out->Full(); ++i) {
    const int64_t row = single ? 0 : static_cast<int64_t>(i) + 1;
    if (out->Wants(row)) AddCve(records[i], row, options, out);
  }
}

// The whole file, or the reason why not in `out`.
std::optional<Json> ReadWhole(const InputFile& file, ResultBuilder* out) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(file.path, error);
  if (!error && size > kMostJsonBytes) {
    out->Fail("refused", "too_large", "a JSON file of more than 512 MiB: write it as JSON lines");
    return std::nullopt;
  }
  absl::StatusOr<Json> json = ReadJsonFile(file.path);
  if (json.ok()) return *std::move(json);
  const bool unreadable = json.status().code() != absl::StatusCode::kInvalidArgument;
  out->Fail("refused", unreadable ? "unreadable" : JsonReason(json.status().message()),
            std::string(json.status().message()));
  return std::nullopt;
}

// The list of items in an extract: the value itself, or the one member that is a list of objects.
std::vector<const Json*> Items(const Json& json) {
  std::vector<const Json*> out;
  if (json.is_array()) {
    for (const Json& item : json) out.push_back(&item);
    return out;
  }
  if (json.is_object()) {
    for (const char* key : {"documents", "data", "items", "records", "rows", "results", "pages"}) {
      const auto it = json.find(key);
      if (it != json.end() && it->is_array()) return Items(*it);
    }
  }
  return {&json};
}

}  // namespace

absl::Status ReadLinesFile(const InputFile& file, const ReadOptions& options, ResultBuilder* out) {
  absl::StatusOr<std::unique_ptr<LineReader>> reader = LineReader::Open(file.path);
  if (!reader.ok()) {
    out->Fail("refused", "unreadable", std::string(reader.status().message()));
    return absl::OkStatus();
  }
  const absl::Time deadline = SteadyNow() + options.timeout;
  int64_t rows = 0;
  LineReader::Line line;
  while (!out->Full()) {
    FOUNDRY_RETURN_IF_ERROR(options.cancel.Check());
    const absl::StatusOr<bool> more = (*reader)->Next(&line);
    if (!more.ok()) {
      out->Fail("failed", "malformed", std::string(more.status().message()));
      return absl::OkStatus();
    }
    if (!*more) break;
    if (SteadyNow() > deadline) {
      out->Fail("failed", "timeout",
                absl::StrCat("reading took longer than ", absl::FormatDuration(options.timeout),
                             ", up to line ", line.number, ": raise extraction.timeout"));
      return absl::OkStatus();
    }
    absl::string_view text = line.text;
    if (line.number == 1 && absl::StartsWith(text, "\xEF\xBB\xBF")) text.remove_prefix(3);
    if (absl::StripAsciiWhitespace(text).empty() && !line.too_long) continue;
    ++rows;
    if (!out->Wants(line.number)) continue;
    if (line.too_long) {
      out->Refuse(line.number, "too_large", "the line is longer than 64 MiB");
      continue;
    }
    if (const size_t bad = text::FirstInvalidUtf8(text); bad < text.size()) {
      out->Refuse(line.number, "invalid_utf8",
                  absl::StrCat("line ", line.number, ": not UTF-8 at byte ", bad + 1));
      continue;
    }
    const absl::StatusOr<Json> json = ParseJson(text, absl::StrCat("line ", line.number));
    if (!json.ok()) {
      out->Refuse(line.number, JsonReason(json.status().message()),
                  std::string(json.status().message()));
    } else {
      AddRow(*json, line.number, file, options, out);
    }
  }
  if (rows == 0) out->Fail("refused", "no_rows", "the file has no rows");
  return absl::OkStatus();
}

absl::Status ReadCveFile(const InputFile& file, const ReadOptions& options, ResultBuilder* out) {
  const std::optional<Json> json = ReadWhole(file, out);
  if (!json) return absl::OkStatus();
  const absl::StatusOr<std::vector<CveFacts>> records = ParseCve(*json);
  if (!records.ok()) {
    out->Fail("refused", "not_cve", std::string(records.status().message()));
    return absl::OkStatus();
  }
  AddCveRecords(*records, options, out);
  return absl::OkStatus();
}

absl::Status ReadExtractFile(const InputFile& file, const ReadOptions& options,
                             ResultBuilder* out) {
  const std::optional<Json> json = ReadWhole(file, out);
  if (!json) return absl::OkStatus();
  const std::vector<const Json*> items = Items(*json);
  if (items.empty()) out->Fail("refused", "no_rows", "the file has no items");
  for (size_t i = 0; i < items.size() && !out->Full(); ++i) {
    FOUNDRY_RETURN_IF_ERROR(options.cancel.Check());
    const auto number = static_cast<int64_t>(i) + 1;
    if (out->Wants(number)) AddRow(*items[i], number, file, options, out);
  }
  return absl::OkStatus();
}

}  // namespace foundry::extraction
