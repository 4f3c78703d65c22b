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
  int64_t missing = 0;        // manifests that are named and not there
  std::string a_missing_one;  // the hash of one of them
};

// Removes every blob that was last put before `put_before` and is neither one of `manifests` (the
// hashes that rows name) nor a file of one. `put_before` lies so far back (a day) that no attempt
// under way can still hold a blob that old without having committed it. Files that only a missing
// manifest names cannot be found by anybody any more, and go; but when most manifests are missing,
// this is not the store that rows are about: FailedPrecondition. A manifest that is there but
// cannot be read fails the call too. A call that fails has removed nothing that is needed.
absl::StatusOr<GarbageReport> CollectGarbage(const std::set<std::string>& manifests,
                                             absl::Time put_before, ArtifactStore* store);

}  // namespace foundry::storage
