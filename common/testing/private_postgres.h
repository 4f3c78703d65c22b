// A PostgreSQL server of a test program's own.
//
// Shared() starts one server on first use and stops it when the program ends; NewDatabase() gives
// every test an empty database in it. Tests that crash the server make an instance of their own.
// Needs Debian's `postgresql` package; failing to start ends the program with the reason.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/postgres/local_server.h"

namespace foundry::testing {

class PrivatePostgres {
 public:
  struct Options {
    // Where its folder is made; empty: among the temporary files.
    std::filesystem::path parent;
    // NAME=VALUE entries for the server's environment.
    std::vector<std::string> environment;
  };
  PrivatePostgres() : PrivatePostgres(Options()) {}
  explicit PrivatePostgres(const Options& options);
  ~PrivatePostgres();
  PrivatePostgres(const PrivatePostgres&) = delete;

  static PrivatePostgres& Shared();

  // libpq connection string of a new, empty database. Thread-safe.
  std::string NewDatabase();

  postgres::LocalServer& server() { return *server_; }

 private:
  TempFolder folder_;
  std::unique_ptr<postgres::LocalServer> server_;
};

}  // namespace foundry::testing
