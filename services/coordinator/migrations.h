// The database's schema, as numbered SQL files (sql/NNNN_name.sql, and sql/NNNN_name.down.sql,
// which takes it back) built into the program.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace foundry::coordinator {

struct Migration {
  int version;       // from the file's name
  std::string name;  // init
  std::string sql;
  std::string down;
};

// All of them, in order.
const std::vector<Migration>& Migrations();

// Brings the database up to date: each missing migration in a transaction of its own, under an
// advisory lock, so that any number of coordinators may start at once. A database that is newer
// than the program is left alone. FailedPrecondition when an applied migration's text has changed.
absl::Status Migrate(const std::string& connection_info);

// The same up to `version`, or back down to it: for going back to an older program, whose
// coordinators are started after this. No coordinator may run meanwhile. What only the newer schema
// knows is lost, all else stays. 0: an empty schema. InvalidArgument: no such version.
absl::Status MigrateTo(const std::string& connection_info, int version);

}  // namespace foundry::coordinator
