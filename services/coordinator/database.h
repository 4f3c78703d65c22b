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
  // The server ends a transaction whose process has said nothing for this long (its machine is
  // gone, or it was stopped), and with it the locks that others wait for.
  absl::Duration idle_timeout = absl::Seconds(30);
  // False: a commit is answered before it is on disk (synchronous_commit = off). When PostgreSQL
  // itself crashes, the last moments of such commits are lost, never torn or out of order.
  bool durable = true;
};

class Database {
 public:
  explicit Database(DatabaseOptions options) : options_(std::move(options)) {}

  // Runs `body` in one transaction (READ COMMITTED) and commits it, unless the body's status is an
  // error. When the connection breaks, the commit's outcome is in doubt, or PostgreSQL resolves a
  // deadlock, all of it runs again until `deadline` (of SteadyNow()): the body must be idempotent
  // and set its results anew each time. Unavailable: no connection, or one that has fallen silent
  // (noticed soon after the deadline); DeadlineExceeded: statement_timeout or the deadline.
  absl::Status Transact(absl::string_view what, absl::Time deadline,
                        const std::function<absl::Status(pqxx::work&)>& body);

  // The same for statements that need nothing of each other: each is a transaction of its own,
  // which saves two round trips to the server.
  absl::Status Singly(absl::string_view what, absl::Time deadline,
                      const std::function<absl::Status(pqxx::transaction_base&)>& body);

  const DatabaseOptions& options() const { return options_; }

 private:
  struct Session {
    std::unique_ptr<pqxx::connection> connection;
    int64_t statement_timeout_ms = 0;  // as the session has it
  };
  struct Outcome;
  // Prefers one whose statement_timeout needs no change.
  absl::StatusOr<Session> Take(absl::Time deadline);
  void GiveBack(Session session);
  using Body = std::function<absl::Status(pqxx::connection&)>;
  absl::Status Repeat(absl::string_view what, absl::Time deadline, const Body& body);
  Outcome Attempt(Session& session, absl::Duration left, const Body& body) const;

  const DatabaseOptions options_;
  StallGuard guard_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<Session> idle_;  // guarded by mutex_
  int open_ = 0;               // guarded by mutex_; borrowed ones included
};

// A connection of its own that never reconnects by itself: session state (locks, LISTEN) would be
// lost in silence. Gives up after a few seconds. Throws libpqxx's exceptions.
std::unique_ptr<pqxx::connection> Connect(const std::string& connection_info);

// Runs a statement, prepared once per connection. `sql` must be a literal: its address names it.
template <typename... Args>
pqxx::result Exec(pqxx::transaction_base& work, const char* sql, Args&&... args) {
  char name[32];
  snprintf(name, sizeof(name), "s%p", static_cast<const void*>(sql));
  work.conn().prepare(name, sql);
  return work.exec_prepared(name, std::forward<Args>(args)...);
}

// A literal of text[], for unnest() and ANY(). PostgreSQL's text has no NUL: it becomes U+FFFD.
template <typename Range>
std::string TextArray(const Range& values) {
  std::string literal = "{";
  for (const std::string& value : values) {
    literal += literal.size() == 1 ? "\"" : ",\"";
    for (char c : value) {
      if (c == '"' || c == '\\') literal.push_back('\\');
      if (c == '\0') {
        literal += "\uFFFD";
      } else {
        literal.push_back(c);
      }
    }
    literal.push_back('"');
  }
  return literal + "}";
}
// The same for numbers.
template <typename Range>
std::string NumberArray(const Range& values) {
  std::string literal = "{";
  for (const auto& value : values) {
    if (literal.size() > 1) literal.push_back(',');
    literal += std::to_string(value);
  }
  return literal + "}";
}
// The same for bytea.
template <typename Range>
std::string BytesArray(const Range& values) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string literal = "{";
  for (const std::string& value : values) {
    literal += literal.size() == 1 ? "\"\\\\x" : ",\"\\\\x";
    for (unsigned char c : value) {
      literal.push_back(kHex[c >> 4]);
      literal.push_back(kHex[c & 15]);
    }
    literal.push_back('"');
  }
  return literal + "}";
}

// A timestamptz column as whole micro- or milliseconds since the epoch.
#define FOUNDRY_MICROS(column) "(extract(epoch FROM " column ") * 1000000)::bigint"
#define FOUNDRY_MILLIS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

inline pqxx::binarystring Bytes(const std::string& data) { return pqxx::binarystring(data); }
inline std::string FromBytes(const pqxx::field& field) { return pqxx::binarystring(field).str(); }

}  // namespace foundry::coordinator
