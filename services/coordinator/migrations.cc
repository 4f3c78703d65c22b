#include "services/coordinator/migrations.h"

#include <exception>
#include <map>
#include <pqxx/pqxx>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "services/coordinator/database.h"

namespace foundry::coordinator {
namespace {

// Any constant that no other program of this database uses.
constexpr int64_t kAdvisoryLock = 0x466f756e647279;  // "Foundry"
constexpr absl::Duration kPauseForLock = absl::Seconds(1);

bool IsLockTimeout(const pqxx::sql_error& error) { return error.sqlstate() == "55P03"; }

std::string LockTimeout(absl::Duration wait) {
  return absl::StrCat("SET lock_timeout = ", absl::ToInt64Milliseconds(wait));
}

// Who holds the advisory lock, in words.
std::string Holder(pqxx::connection& connection) {
  pqxx::nontransaction session(connection);
  const pqxx::result rows = session.exec(absl::StrCat(
      "SELECT a.pid, coalesce(nullif(a.application_name, ''), 'a program'), "
      "coalesce(host(a.client_addr), 'this machine'), a.xact_start, left(a.query, 100) "
      "FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' "
      "AND l.granted AND l.objsubid = 1 AND l.classid::bigint = ",
      kAdvisoryLock >> 32, " AND l.objid::bigint = ", kAdvisoryLock & 0xffffffff));
  if (rows.empty()) return "nobody any more";
  return absl::StrCat(rows[0][1].c_str(), " on ", rows[0][2].c_str(), " (PostgreSQL process ",
                      rows[0][0].c_str(), "), whose last statement is: ", rows[0][4].c_str());
}

// Version → text's hash and least program, of what is applied.
struct Applied {
  std::string sha256;
  int least_program;
};
std::map<int, Applied> ReadApplied(pqxx::connection& connection) {
  pqxx::nontransaction session(connection);
  std::map<int, Applied> applied;
  for (const auto& row :
       session.exec("SELECT version, sha256, least_program FROM schema_migrations")) {
    applied[row[0].as<int>()] = {row[1].as<std::string>(), row[2].as<int>()};
  }
  return applied;
}

absl::Status CheckText(const Migration& migration, const Applied& applied) {
  if (applied.sha256 == Sha256Hex(migration.sql)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "migration ", migration.version, " (", migration.name,
      ") differs from the one that was applied to this database: migrations are never edited"));
}

// Whether programs of `newest` run on what newer ones have applied.
absl::Status CheckNewer(const std::map<int, Applied>& applied, int newest) {
  for (const auto& [version, migration] : applied) {
    if (version <= newest || migration.least_program <= newest) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "the database has schema version ", applied.rbegin()->first, ", whose version ", version,
        " needs coordinators of schema version ", migration.least_program,
        " or later; this one is of version ", newest,
        ". Start a newer coordinator, or take the database back with the newer one's --migrate-to ",
        newest));
  }
  return absl::OkStatus();
}

// Runs a change of the schema in a transaction, again while others keep it from its locks.
void Change(pqxx::connection& connection, const MigrateOptions& options,
            const std::function<void(pqxx::work&)>& body) {
  for (int attempt = 1;; ++attempt) {
    try {
      pqxx::work work(connection);
      body(work);
      work.commit();
      return;
    } catch (const pqxx::sql_error& error) {
      if (!IsLockTimeout(error) || attempt >= options.lock_tries) throw;
    }
    absl::SleepFor(kPauseForLock);
  }
}

void Apply(pqxx::connection& connection, const Migration& migration,
           const MigrateOptions& options) {
  Change(connection, options, [&](pqxx::work& work) {
    work.exec(migration.sql);
    work.exec_params(
        "INSERT INTO schema_migrations (version, name, sha256, least_program) "
        "VALUES ($1, $2, $3, $4)",
        migration.version, migration.name, Sha256Hex(migration.sql), migration.least_program);
  });
}

void Undo(pqxx::connection& connection, const Migration& migration, const MigrateOptions& options) {
  Change(connection, options, [&](pqxx::work& work) {
    work.exec_params("DELETE FROM schema_migrations WHERE version = $1", migration.version);
    work.exec(migration.down);
  });
}

// The lock belongs to the session and ends with it.
absl::Status TakeLock(pqxx::connection& connection, const MigrateOptions& options) {
  try {
    pqxx::nontransaction session(connection);
    session.exec(LockTimeout(options.wait));
    session.exec(absl::StrCat("SELECT pg_advisory_lock(", kAdvisoryLock, ")"));
    session.exec(LockTimeout(options.lock_wait));
    session.exec("SET client_min_messages = warning");
    session.exec(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, "
        "name text NOT NULL, sha256 text NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT clock_timestamp())");
    // Rows of programs that did not say it: only such that know the version run on it.
    session.exec("ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS least_program integer");
    session.exec(
        "UPDATE schema_migrations SET least_program = version WHERE least_program IS NULL");
    return absl::OkStatus();
  } catch (const pqxx::sql_error& error) {
    if (!IsLockTimeout(error)) throw;
  }
  return absl::UnavailableError(absl::StrCat("waited ", absl::FormatDuration(options.wait),
                                             " for the lock of migrations, which is held by ",
                                             Holder(connection)));
}

absl::Status MigrateLocked(pqxx::connection& connection, int version, bool may_be_newer,
                           const MigrateOptions& options) {
  const auto& all = Migrations();
  const int newest = all.back().version;
  const auto applied = ReadApplied(connection);
  for (const Migration& migration : all) {
    const auto found = applied.find(migration.version);
    if (found != applied.end()) FOUNDRY_RETURN_IF_ERROR(CheckText(migration, found->second));
  }
  if (!applied.empty() && applied.rbegin()->first > newest) {
    if (may_be_newer) return CheckNewer(applied, newest);
    return absl::FailedPreconditionError(absl::StrCat(
        "the database has schema version ", applied.rbegin()->first, ", this program knows ",
        newest, " versions: only the newer program knows the way back"));
  }
  for (const Migration& migration : all) {
    if (migration.version > version || applied.count(migration.version) > 0) continue;
    Apply(connection, migration, options);
  }
  for (auto migration = all.rbegin(); migration != all.rend(); ++migration) {
    if (migration->version <= version || applied.count(migration->version) == 0) continue;
    Undo(connection, *migration, options);
  }
  return absl::OkStatus();
}

absl::Status Run(const std::string& connection_info, int version, bool may_be_newer,
                 const MigrateOptions& options) {
  try {
    const auto connection = Connect(connection_info);
    FOUNDRY_RETURN_IF_ERROR(TakeLock(*connection, options));
    return MigrateLocked(*connection, version, may_be_newer, options);
  } catch (const pqxx::broken_connection& error) {
    return absl::UnavailableError(absl::StrCat("database: ", error.what()));
  } catch (const pqxx::sql_error& error) {
    if (IsLockTimeout(error)) {
      return absl::UnavailableError(absl::StrCat(
          "a migration of the database waits for a table that another session keeps locked: ",
          absl::StripSuffix(error.what(), "\n")));
    }
    return absl::InternalError(absl::StrCat("migrating the database: ", error.what()));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("migrating the database: ", error.what()));
  }
}

}  // namespace

absl::Status Migrate(const std::string& connection_info, const MigrateOptions& options) {
  return Run(connection_info, Migrations().back().version, /*may_be_newer=*/true, options);
}

absl::Status MigrateTo(const std::string& connection_info, int version,
                       const MigrateOptions& options) {
  if (version < 0 || version > Migrations().back().version) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no schema version ", version, ": there are 0 to ", Migrations().back().version));
  }
  return Run(connection_info, version, /*may_be_newer=*/false, options);
}

}  // namespace foundry::coordinator
