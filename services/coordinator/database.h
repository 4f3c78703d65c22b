// PostgreSQL behind absl::Status: a pool of connections and transactions that are repeated when the
// connection broke. The one place that catches libpqxx's exceptions.
//
// Thread-safe; connections are never shared between threads at one time (libpqxx#546).
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/coordinator/stall_guard.h"

namespace foundry::coordinator {

struct DatabaseOptions {
  std::string connection_info;  // libpq's
  int connections = 8;          // most in the pool
  // A statement's greatest run time; less when the call's deadline is nearer.
  absl::Duration statement_timeout = absl::Seconds(10);
};

class Database {
 public:
  explicit Database(DatabaseOptions options) : options_(std::move(options)) {}

  // Runs `body` in one transaction (READ COMMITTED) and commits it, unless the body's status is an
  // error. When the connection breaks, the commit's outcome is in doubt, or PostgreSQL resolves a
  // deadlock, all of it runs again until `deadline`: the body must be idempotent and set its
  // results anew each time. Unavailable: no connection, or one that has fallen silent (noticed soon
  // after the deadline); DeadlineExceeded: statement_timeout or the deadline.
  absl::Status Transact(absl::string_view what, absl::Time deadline,
                        const std::function<absl::Status(pqxx::work&)>& body);

  const DatabaseOptions& options() const { return options_; }

 private:
  class Borrowed;
  absl::StatusOr<std::unique_ptr<pqxx::connection>> Take(absl::Time deadline);
  void GiveBack(std::unique_ptr<pqxx::connection> connection);

  const DatabaseOptions options_;
  StallGuard guard_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<pqxx::connection>> idle_;  // guarded by mutex_
  int open_ = 0;  // guarded by mutex_; borrowed ones included
};

// A connection of its own that never reconnects by itself: session state (locks, LISTEN) would be
// lost in silence. Gives up after a few seconds. Throws libpqxx's exceptions.
std::unique_ptr<pqxx::connection> Connect(const std::string& connection_info);

// Runs a statement, prepared once per connection. `sql` must be a literal: its address names it.
template <typename... Args>
pqxx::result Exec(pqxx::work& work, const char* sql, Args&&... args) {
  char name[32];
  snprintf(name, sizeof(name), "s%p", static_cast<const void*>(sql));
  work.conn().prepare(name, sql);
  return work.exec_prepared(name, std::forward<Args>(args)...);
}

inline pqxx::binarystring Bytes(const std::string& data) { return pqxx::binarystring(data); }
inline std::string FromBytes(const pqxx::field& field) { return pqxx::binarystring(field).str(); }

}  // namespace foundry::coordinator
