#include "common/storage/garbage.h"

#include <vector>

#include "common/base/status.h"
#include "common/storage/manifest.h"

namespace foundry::storage {

absl::StatusOr<GarbageReport> CollectGarbage(const std::set<std::string>& manifests,
                                             absl::Time put_before, ArtifactStore* store) {
  std::set<std::string> needed = manifests;
  for (const std::string& sha256 : manifests) {
    FOUNDRY_ASSIGN_OR_RETURN(const common::v1::Manifest manifest, GetManifest(sha256, store));
    for (const auto& artifact : manifest.artifacts()) needed.insert(artifact.sha256());
  }
  GarbageReport report;
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
