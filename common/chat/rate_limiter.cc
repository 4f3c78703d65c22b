#include "common/chat/rate_limiter.h"

#include <algorithm>

namespace foundry::chat {

RateLimiter::RateLimiter(int per_minute)
    : interval_(per_minute > 0 ? absl::Minutes(1) / per_minute : absl::ZeroDuration()) {}

absl::Duration RateLimiter::Reserve(absl::Time now) {
  std::lock_guard lock(mutex_);
  const absl::Time slot = std::max(now, next_);
  if (slot > now || interval_ > absl::ZeroDuration()) next_ = slot + interval_;
  return slot - now;
}

void RateLimiter::PauseUntil(absl::Time until) {
  std::lock_guard lock(mutex_);
  next_ = std::max(next_, until);
}

}  // namespace foundry::chat
