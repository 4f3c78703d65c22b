#include "services/coordinator/job_changes.h"

namespace foundry::coordinator {

void JobChanges::Changed(const std::string& job_id) {
  {
    std::lock_guard lock(mutex_);
    if (job_id.empty()) {
      for (auto& [id, entry] : watched_) ++entry.changes;
    } else {
      const auto found = watched_.find(job_id);
      if (found == watched_.end()) return;
      ++found->second.changes;
    }
  }
  changed_.notify_all();
}

uint64_t JobChanges::Watch(const std::string& job_id) {
  std::lock_guard lock(mutex_);
  Entry& entry = watched_[job_id];
  ++entry.watchers;
  return entry.changes;
}

void JobChanges::Forget(const std::string& job_id) {
  std::lock_guard lock(mutex_);
  const auto found = watched_.find(job_id);
  if (found != watched_.end() && --found->second.watchers == 0) watched_.erase(found);
}

uint64_t JobChanges::Wait(const std::string& job_id, uint64_t seen, absl::Time until) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, absl::ToChronoTime(until),
                      [&] { return watched_[job_id].changes > seen; });
  return watched_[job_id].changes;
}

}  // namespace foundry::coordinator
