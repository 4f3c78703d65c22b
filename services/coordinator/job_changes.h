// Which jobs changed: what watchers wait for. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "absl/time/time.h"

namespace foundry::coordinator {

class JobChanges {
 public:
  // Empty: any job may have changed.
  void Changed(const std::string& job_id);

  // A watched job's number of changes so far. Release it with Forget.
  uint64_t Watch(const std::string& job_id);
  void Forget(const std::string& job_id);

  // Blocks until there are more changes than `seen`, at most until `until`; answers their number.
  uint64_t Wait(const std::string& job_id, uint64_t seen, absl::Time until);

 private:
  struct Entry {
    int watchers = 0;
    uint64_t changes = 0;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Entry> watched_;
};

}  // namespace foundry::coordinator
