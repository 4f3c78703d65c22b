// Removing blobs that no committed output needs.
#pragma once

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/storage/artifact_store.h"

namespace foundry::storage {

struct GarbageReport {
  int64_t kept = 0;
  int64_t removed = 0;
};

// Removes every blob that was last put before `put_before` and is neither one of `manifests` (the
// hashes that rows name) nor a file of one. `put_before` lies so far back (a day) that no attempt
// under way can still hold a blob that old without having committed it. An unreadable manifest
// fails the whole call: nothing is removed.
absl::StatusOr<GarbageReport> CollectGarbage(const std::set<std::string>& manifests,
                                             absl::Time put_before, ArtifactStore* store);

}  // namespace foundry::storage
