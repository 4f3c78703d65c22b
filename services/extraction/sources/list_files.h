// Finds the files of a source. Thread-safe (no state).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/extraction/sources/source.h"

namespace foundry::extraction {

// Files of one source: its file, the fitting files of its folder, or those that match its pattern
// (* and ? in file names). NotFound when the path does not exist, FailedPrecondition when nothing
// in it fits.
absl::StatusOr<std::vector<InputFile>> ListSource(const Source& source, int index);

// By extension, and where that does not tell by the first bytes: what `foundry extract` uses.
// nullopt: not a file that Foundry reads.
std::optional<SourceKind> DetectKind(const std::filesystem::path& file);

// Extension of a data set's file (.jsonl, .ndjson, .parquet, with .gz); lower case.
bool IsDatasetFile(const std::filesystem::path& file);
bool IsParquetFile(const std::filesystem::path& file);

}  // namespace foundry::extraction
