// Fingerprints: what a task's output depends on, as one hash. A task whose fingerprint has a
// committed output already is not run again; a step all of whose tasks are such is skipped. That is
// how resuming, repeating a run and changing one late setting all work.
//
// In it: the request's settings, hashes of the files it reads, the manifests of earlier outputs,
// the stage's version. Not in it: device, micro-batch (the effective batch is), paths, secrets,
// limits on concurrency and rate, the number of shards as a setting (the shard itself is).
//
// Thread-safe (no state).
#pragma once

#include <string>

#include "services/coordinator/planner/planner.h"

namespace foundry::coordinator {

// 64 hex digits, or empty when the request reads a file whose hash is not known.
std::string Fingerprint(const v1::StageRequest& request, const InputFacts& facts);

}  // namespace foundry::coordinator
