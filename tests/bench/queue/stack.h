// What the queue's benchmark measures against: a PostgreSQL of its own on this disk, durable as
// PostgreSQL comes (fsync and synchronous_commit on), and the real foundry-coordinator on it.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/base/files.h"
#include "common/postgres/local_server.h"
#include "common/testing/child_process.h"

namespace foundry::bench {

// Ends the program when PostgreSQL does not start. Stops it in the destructor.
class Postgres {
 public:
  Postgres();
  ~Postgres();
  // libpq connection string of a new, empty database.
  std::string NewDatabase();
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TempFolder folder_;
  std::unique_ptr<postgres::LocalServer> server_;
  int databases_ = 0;
};

// A coordinator that serves when the constructor returns.
class Coordinator {
 public:
  // `program`: its path. `folder`: for the socket and the log. `durable`: claims and heartbeats
  // too.
  Coordinator(const std::string& program, const std::string& database,
              const std::filesystem::path& folder, bool durable);
  ~Coordinator();
  const std::string& address() const { return address_; }
  pid_t pid() const { return process_->pid(); }

 private:
  std::string address_;
  std::unique_ptr<testing::ChildProcess> process_;
};

// Runs one SQL text in a transaction of its own; ends the program with the error.
void RunSql(const std::string& database, const std::string& sql);

// A transaction with a snapshot that stays open while the object lives, as a forgotten session
// does.
class HeldTransaction {
 public:
  explicit HeldTransaction(const std::string& database);
  ~HeldTransaction();

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

// Puts `tasks` finished tasks (jobs of 1,000, with their events) into the tables, by SQL. The
// database has the schema and at least one task, whose request the new ones carry.
void FillHistory(const std::string& database, int64_t tasks);

}  // namespace foundry::bench
