// Reads one file of a source into documents. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/extraction/sources/source.h"

namespace foundry::extraction {

// Fails only when nothing could be read at all: a helper program is missing, the caller cancels.
// Whatever is wrong with the file is in the result's outcomes.
absl::StatusOr<FileResult> ReadInputFile(const InputFile& file, const ReadOptions& options);

// Stable over machines and runs: from the file's name in its source and the record's number (0: the
// file is one record).
std::string DocumentId(const std::string& name, int64_t row);

}  // namespace foundry::extraction
