#include "common/base/reveal.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace foundry {
namespace fs = std::filesystem;

absl::Status RevealEntries(const fs::path& from, const fs::path& to) {
  FOUNDRY_RETURN_IF_ERROR(SyncFolder(from));
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat(from.string(), ": cannot list"));
  }
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(to));
  for (const fs::path& entry : entries) {
    FOUNDRY_RETURN_IF_ERROR(RenameDurably(entry, to / entry.filename()));
  }
  return absl::OkStatus();
}

}  // namespace foundry
