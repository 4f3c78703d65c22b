// Where the ready tasks of a job's stage begin, as far as this process knows: a claim that starts
// there does not step over the index entries of all that was claimed before, which stay as long as
// some transaction may still see them.
//
// A hint. A task below a floor (given back through another process, its pause over) is found when
// the floors are forgotten: when its job is told to have ready tasks, after a claim that found too
// little, and every period. Looks without floors are spaced so that they take a small share of the
// time even when they are slow. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "absl/time/time.h"

namespace foundry::coordinator {

class ReadyFloors {
 public:
  using Key = std::pair<std::string, std::string>;  // job, stage

  std::map<Key, int64_t> Snapshot() const;
  bool empty() const;

  // A claim that began at `generation` found nothing of `key` below `position`, or took it; does
  // nothing when floors were forgotten since.
  void Raise(const Key& key, int64_t position, int64_t generation);
  int64_t generation() const;

  void Forget(const std::string& job_id);
  // Whether a look without floors is due; such a look then took `cost`.
  bool FullLookDue(absl::Time now) const;
  // Whether one may be had early, because a claim found too little.
  bool FullLookAllowed(absl::Time now) const;
  void ForgetAll(absl::Time now);
  void FullLookTook(absl::Duration cost);

 private:
  mutable std::mutex mutex_;
  std::map<Key, int64_t> floors_;
  int64_t generation_ = 0;
  absl::Time last_look_ = absl::InfinitePast();
  absl::Duration cost_ = absl::ZeroDuration();
};

}  // namespace foundry::coordinator
