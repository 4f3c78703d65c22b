// Showing a finished folder to others. Thread-safe (no state).
#pragma once

#include <filesystem>

#include "absl/status/status.h"

namespace foundry {

// Syncs everything in the folder `from`, then renames each entry into the folder `to`, which is
// made if missing. Entries of the same names are replaced as a whole; whatever else is in `to`
// stays.
absl::Status RevealEntries(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace foundry
