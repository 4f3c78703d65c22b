// The database's schema, as numbered SQL files (sql/NNNN_name.sql, and sql/NNNN_name.down.sql,
// which takes it back) built into the program.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace foundry::coordinator {

struct Migration {
  int version;       // from the file's name
  std::string name;  // init
  std::string sql;
  std::string down;
  // The oldest programs (by the schema version that they were built with) that run on the schema
  // from this migration on; from the way back's first line.
  int least_program;
};

// All of them, in order.
const std::vector<Migration>& Migrations();

struct MigrateOptions {
  // Only one program migrates at a time; the others wait this long for it.
  absl::Duration wait = absl::Seconds(20);
  // A statement waits this long for a table that others use, lest everybody else queue behind it …
  absl::Duration lock_wait = absl::Seconds(2);
  // … and is tried this often, with a second between.
  int lock_tries = 10;
};

// Brings the database up to date: each missing migration in a transaction of its own, under an
// advisory lock, so that any number of coordinators may start at once. A database that is newer
// than the program is left alone when its newest migration says that this program runs on it.
// FailedPrecondition: it does not, or an applied migration's text has changed. Unavailable: no
// database, or another program migrates or uses it; the message says which.
absl::Status Migrate(const std::string& connection_info, const MigrateOptions& options = {});

// The same up to `version`, or back down to it: for going back to an older program that does not
// run on the newer schema, whose coordinators are started after this. No coordinator may run
// meanwhile. What only the newer schema knows is lost, all else stays. 0: an empty schema.
// InvalidArgument: no such version. FailedPrecondition: the database is newer than this program,
// which does not know the way back.
absl::Status MigrateTo(const std::string& connection_info, int version,
                       const MigrateOptions& options = {});

}  // namespace foundry::coordinator
