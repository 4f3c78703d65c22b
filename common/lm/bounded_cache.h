// A bounded cache of things that are slow to make: one maker per key, the others wait for it.
//
// Thread-safe. Failures are not kept. Least recently used values go first; holders keep theirs
// alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"

namespace foundry::lm {

template <typename T>
class BoundedCache {
 public:
  using Make = std::function<absl::StatusOr<std::shared_ptr<T>>()>;

  explicit BoundedCache(size_t capacity) : capacity_(capacity) {}

  absl::StatusOr<std::shared_ptr<T>> Get(const std::string& key, const Make& make) {
    std::shared_ptr<Slot> slot;
    {
      std::lock_guard lock(mutex_);
      std::shared_ptr<Slot>& held = slots_[key];
      if (held == nullptr) held = std::make_shared<Slot>();
      held->used = ++clock_;
      slot = held;
    }
    std::lock_guard making(slot->mutex);
    if (slot->value != nullptr) return slot->value;
    absl::StatusOr<std::shared_ptr<T>> made = make();
    std::lock_guard lock(mutex_);
    if (!made.ok()) {
      const auto it = slots_.find(key);
      if (it != slots_.end() && it->second == slot) slots_.erase(it);
      return made;
    }
    slot->value = *made;
    Trim();
    return made;
  }

  size_t size() const {
    std::lock_guard lock(mutex_);
    return slots_.size();
  }

 private:
  struct Slot {
    std::mutex mutex;  // held while the value is made; taken before the cache's
    std::shared_ptr<T> value;
    uint64_t used = 0;
  };

  void Trim() {
    while (slots_.size() > capacity_) {
      auto oldest = slots_.begin();
      for (auto it = slots_.begin(); it != slots_.end(); ++it) {
        if (it->second->used < oldest->second->used) oldest = it;
      }
      slots_.erase(oldest);
    }
  }

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;
  uint64_t clock_ = 0;
};

}  // namespace foundry::lm
