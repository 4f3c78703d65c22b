// The database's schema, as numbered SQL files (sql/NNNN_name.sql) built into the program.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace foundry::coordinator {

struct Migration {
  int version;       // from the file's name
  std::string name;  // init
  std::string sql;
};

// All of them, in order.
const std::vector<Migration>& Migrations();

// Brings the database up to date: each missing migration in a transaction of its own, under an
// advisory lock, so that any number of coordinators may start at once. A database that is newer
// than the program is left alone. FailedPrecondition when an applied migration's text has changed.
absl::Status Migrate(const std::string& connection_info);

}  // namespace foundry::coordinator
