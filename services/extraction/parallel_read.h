// Reads files side by side and hands the results over in the files' order. Thread-safe (no state).
#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "services/extraction/sources/source.h"

namespace foundry::extraction {

struct ParallelReadOptions {
  int jobs = 1;        // files read at once
  CancelToken cancel;  // of the whole run
  // Options of a file; called by several threads.
  std::function<ReadOptions(const InputFile&)> options_for;
  // Called in order by the calling thread. False stops early: files not begun yet are left out.
  std::function<absl::StatusOr<bool>(size_t index, FileResult result)> on_result;
};

// At most a few results wait for an earlier file, so memory stays bounded. The first error of any
// file's reader (a missing helper, a cancellation) ends it.
absl::Status ReadInParallel(const std::vector<InputFile>& files,
                            const ParallelReadOptions& options);

// `wanted` files at once, at least 1 and at most the number of cores.
int CappedJobs(int wanted);

}  // namespace foundry::extraction
