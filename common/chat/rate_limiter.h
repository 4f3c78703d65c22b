// Spaces events evenly: at most `per_minute` a minute, without bursts. Thread-safe.
#pragma once

#include <mutex>

#include "absl/time/time.h"

namespace foundry::chat {

class RateLimiter {
 public:
  // per_minute 0: no limit.
  explicit RateLimiter(int per_minute);

  // How long the caller must wait from `now` before its event; the slot is taken.
  absl::Duration Reserve(absl::Time now);

  // Nobody starts before `until`: the server asked for a pause.
  void PauseUntil(absl::Time until);

 private:
  const absl::Duration interval_;
  std::mutex mutex_;
  absl::Time next_ = absl::InfinitePast();
};

}  // namespace foundry::chat
