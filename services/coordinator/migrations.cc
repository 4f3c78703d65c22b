#include "services/coordinator/migrations.h"

#include <exception>
#include <pqxx/pqxx>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "services/coordinator/database.h"

namespace foundry::coordinator {
namespace {

// Any constant that no other program of this database uses.
constexpr int64_t kAdvisoryLock = 0x466f756e647279;  // "Foundry"

absl::Status Apply(pqxx::connection& connection, const Migration& migration) {
  const std::string hash = Sha256Hex(migration.sql);
  pqxx::work work(connection);
  const pqxx::result known = work.exec_params(
      "SELECT sha256 FROM schema_migrations WHERE version = $1", migration.version);
  if (!known.empty()) {
    if (known[0][0].as<std::string>() == hash) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "migration ", migration.version, " (", migration.name,
        ") differs from the one that was applied to this database: migrations are never edited"));
  }
  work.exec(migration.sql);
  work.exec_params("INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)",
                   migration.version, migration.name, hash);
  work.commit();
  return absl::OkStatus();
}

void Undo(pqxx::connection& connection, const Migration& migration) {
  pqxx::work work(connection);
  if (work.exec_params("DELETE FROM schema_migrations WHERE version = $1", migration.version)
          .affected_rows() == 0) {
    return;
  }
  work.exec(migration.down);
  work.commit();
}

}  // namespace

absl::Status Migrate(const std::string& connection_info) {
  return MigrateTo(connection_info, Migrations().back().version);
}

absl::Status MigrateTo(const std::string& connection_info, int version) {
  const auto& all = Migrations();
  if (version < 0 || version > all.back().version) {
    return absl::InvalidArgumentError(
        absl::StrCat("no schema version ", version, ": there are 0 to ", all.back().version));
  }
  try {
    const auto owned = Connect(connection_info);
    pqxx::connection& connection = *owned;
    {
      // The lock belongs to the session and ends with it.
      pqxx::nontransaction session(connection);
      session.exec(absl::StrCat("SELECT pg_advisory_lock(", kAdvisoryLock, ")"));
      session.exec("SET client_min_messages = warning");
      session.exec(
          "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, "
          "name text NOT NULL, sha256 text NOT NULL, "
          "applied_at timestamptz NOT NULL DEFAULT clock_timestamp())");
    }
    for (const Migration& migration : all) {
      if (migration.version <= version) FOUNDRY_RETURN_IF_ERROR(Apply(connection, migration));
    }
    for (auto migration = all.rbegin(); migration != all.rend(); ++migration) {
      if (migration->version > version) Undo(connection, *migration);
    }
    return absl::OkStatus();
  } catch (const pqxx::broken_connection& error) {
    return absl::UnavailableError(absl::StrCat("database: ", error.what()));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("migrating the database: ", error.what()));
  }
}

}  // namespace foundry::coordinator
