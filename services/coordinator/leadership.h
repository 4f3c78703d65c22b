// Which of the coordinators on one database does the maintenance.
//
// A row with a lease, renewed on a session of its own from a thread of its own. It falls to another
// coordinator as soon as the holder's session is gone (a killed process, usually within two
// seconds), and when the lease was not renewed for its ten seconds (a stopped process, a cut
// network): always within 15 s. Held() says no a second before others may take over, by this
// process's clock. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "services/coordinator/stall_guard.h"

namespace foundry::coordinator {

class Leadership {
 public:
  struct Options {
    std::string name = "maintenance";
    absl::Duration lease = absl::Seconds(10);
    absl::Duration period = absl::Seconds(2);  // between renewals and between tries
  };

  Leadership(std::string connection_info, const Options& options);
  // Gives the lease up.
  ~Leadership();
  Leadership(const Leadership&) = delete;

  bool Held() const;

 private:
  void Run();
  // Throws libpqxx's exceptions.
  bool TakeOrRenew(pqxx::connection& connection) const;

  const std::string connection_info_;
  const Options options_;
  const std::string holder_;
  StallGuard guard_;
  CancelToken stop_;
  mutable std::mutex mutex_;
  absl::Time held_until_ = absl::InfinitePast();  // guarded by mutex_
  std::thread thread_;
};

}  // namespace foundry::coordinator
