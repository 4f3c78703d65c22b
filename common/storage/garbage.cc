#include "common/storage/garbage.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/storage/manifest.h"

namespace foundry::storage {

absl::StatusOr<GarbageReport> CollectGarbage(const std::set<std::string>& manifests,
                                             absl::Time put_before, ArtifactStore* store) {
  GarbageReport report;
  std::set<std::string> needed = manifests;
  for (const std::string& sha256 : manifests) {
    const absl::StatusOr<common::v1::Manifest> manifest = GetManifest(sha256, store);
    if (absl::IsNotFound(manifest.status())) {
      ++report.missing;
      report.a_missing_one = sha256;
      continue;
    }
    FOUNDRY_RETURN_IF_ERROR(manifest.status());
    for (const auto& artifact : manifest->artifacts()) needed.insert(artifact.sha256());
  }
  if (2 * report.missing > static_cast<int64_t>(manifests.size())) {
    return absl::FailedPreconditionError(absl::StrCat(
        report.missing, " of ", manifests.size(), " outputs are missing in the artifact store (",
        report.a_missing_one, "): nothing is removed; is it another installation's store?"));
  }
  std::vector<std::string> old;
  FOUNDRY_RETURN_IF_ERROR(store->List([&](const std::string& sha256, absl::Time put) {
    if (needed.count(sha256) > 0 || put >= put_before) {
      ++report.kept;
    } else {
      old.push_back(sha256);
    }
    return true;
  }));
  for (const std::string& sha256 : old) {
    FOUNDRY_ASSIGN_OR_RETURN(const bool removed, store->RemoveOlder(sha256, put_before));
    ++(removed ? report.removed : report.kept);
  }
  return report;
}

}  // namespace foundry::storage
