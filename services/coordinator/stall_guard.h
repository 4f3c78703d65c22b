// Ends waits for a PostgreSQL that has gone without a word.
//
// libpq waits without limit for an answer: when the network swallows it (a partition, a half-open
// connection) neither statement_timeout nor a call's deadline helps, for the server does not know
// and the client does not look. A watch shuts the socket down when its time has come, and the wait
// ends with a broken connection. Works for TCP and Unix sockets alike. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace foundry::coordinator {

class StallGuard {
 public:
  StallGuard();
  ~StallGuard();
  StallGuard(const StallGuard&) = delete;

  // Watches one use of a socket, which must stay open meanwhile.
  class Watch {
   public:
    // From `until` on the socket is shut down, unless the watch has gone before.
    Watch(StallGuard* guard, int socket, absl::Time until);
    ~Watch();
    Watch(const Watch&) = delete;

   private:
    StallGuard* const guard_;
    std::multimap<absl::Time, int>::iterator entry_;
    friend class StallGuard;
  };

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<absl::Time, int> watched_;  // sockets; guarded by mutex_; -1: shut down already
  absl::Time wakes_at_;                     // the thread, by itself; guarded by mutex_
  bool stopping_ = false;                   // guarded by mutex_
  std::thread thread_;
};

}  // namespace foundry::coordinator
