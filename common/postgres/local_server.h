// A private PostgreSQL in a folder: what a laptop and the tests run on.
//
// Start() makes the database cluster on first use and starts it unless it runs already, so a second
// process attaches to the first one's server. It listens on a Unix socket only, in a folder that
// only its account may enter. State stays when the server stops; after a crash or a power cut it
// recovers by itself on the next Start(), and a postmaster.pid left behind does not get in its way.
//
// As root the server runs as another account (see Options::account), which owns its files. When
// that account cannot reach `folder` (as under /root), the files live in Options::fallback_parent
// instead.
//
// Thread-safe. Two processes that start the same folder at once are serialised by a lock file.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/postgres/run_as.h"

namespace foundry::postgres {

struct LocalServerOptions {
  // Everything lives below it: data/, run/ (the socket), server.log. Made when missing.
  std::filesystem::path folder;
  // Folder of initdb and pg_ctl. Empty: $FOUNDRY_POSTGRES_BIN, else the newest
  // /usr/lib/postgresql/*/bin, else PATH.
  std::filesystem::path bin_folder;
  // Root only: the account that runs the server. Empty: postgres, else nobody.
  std::string account;
  // Root only: where files go when the account cannot reach `folder`.
  std::filesystem::path fallback_parent = "/var/lib/foundry";
  // False gives up safety against power cuts, not against kills, for speed (tests).
  bool durable = true;
  int max_connections = 100;
  // NAME=VALUE entries for the server's environment.
  std::vector<std::string> environment;
  absl::Duration start_timeout = absl::Seconds(60);
};

// The folder of initdb and pg_ctl: `wanted`, or where LocalServerOptions::bin_folder says. NotFound
// says what to install.
absl::StatusOr<std::filesystem::path> FindPrograms(const std::filesystem::path& wanted);

class LocalServer {
 public:
  // NotFound when PostgreSQL's programs are missing (says which package has them).
  static absl::StatusOr<std::unique_ptr<LocalServer>> Start(const LocalServerOptions& options);

  // Does not stop the server: call Stop().
  ~LocalServer() = default;
  LocalServer(const LocalServer&) = delete;

  // libpq connection string of a database in it.
  std::string ConnectionInfo(const std::string& database = "postgres") const;

  // Starts it again after Stop() or Kill(); does nothing while it runs.
  absl::Status Restart();
  // Ends connections and stops cleanly; returns when it has. OK when it does not run.
  absl::Status Stop();
  // SIGKILL to the postmaster and its children, as a crash does.
  absl::Status Kill();
  bool Running() const;

  const std::filesystem::path& data() const { return data_; }
  const std::filesystem::path& log() const { return log_; }

 private:
  LocalServer() = default;
  absl::Status Prepare();
  absl::Status Initialise();
  absl::Status WriteConfiguration();
  absl::Status StartLocked();
  void RemoveStaleLocks();

  LocalServerOptions options_;
  Account account_;
  std::filesystem::path bin_, root_, data_, socket_folder_, log_;
};

}  // namespace foundry::postgres
