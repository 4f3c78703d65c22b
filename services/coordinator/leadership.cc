#include "services/coordinator/leadership.h"

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/steady_time.h"
#include "common/telemetry/log.h"
#include "services/coordinator/database.h"

namespace foundry::coordinator {
namespace {

constexpr absl::Duration kMargin = absl::Seconds(1);
constexpr absl::Duration kAnswerTime = absl::Seconds(4);
// So that a session that hangs is given up before its lease has ended.
constexpr char kSessionLimits[] = " tcp_user_timeout=4000";

}  // namespace

Leadership::Leadership(std::string connection_info, const Options& options)
    : connection_info_(std::move(connection_info)),
      options_(options),
      holder_(RandomId()),
      thread_([this] { Run(); }) {}

Leadership::~Leadership() {
  stop_.Cancel("shutting down");
  thread_.join();
}

bool Leadership::Held() const {
  std::lock_guard lock(mutex_);
  return SteadyNow() < held_until_;
}

bool Leadership::TakeOrRenew(pqxx::connection& connection) const {
  pqxx::work work(connection);
  const bool held =
      !work.exec_params(
               "INSERT INTO leaders AS l (name, holder, backend_pid, backend_start, lease_until) "
               "SELECT $1, $2, pid, backend_start, clock_timestamp() + $3 * interval '1 second' "
               "FROM pg_stat_activity WHERE pid = pg_backend_pid() "
               "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "
               "backend_pid = excluded.backend_pid, backend_start = excluded.backend_start, "
               "lease_until = excluded.lease_until "
               "WHERE l.holder = excluded.holder OR l.lease_until < clock_timestamp() "
               "OR NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = l.backend_pid "
               "AND a.backend_start = l.backend_start) RETURNING 1",
               options_.name, holder_, absl::ToDoubleSeconds(options_.lease))
           .empty();
  work.commit();
  return held;
}

void Leadership::Run() {
  std::unique_ptr<pqxx::connection> connection;
  bool was_held = false;
  do {
    try {
      if (connection == nullptr) {
        connection = Connect(absl::StrCat(connection_info_, kSessionLimits));
        pqxx::nontransaction(*connection)
            .exec("SET statement_timeout = 3000; SET synchronous_commit = off");
      }
      const absl::Time asked = SteadyNow();
      const StallGuard::Watch watch(&guard_, connection->sock(), asked + kAnswerTime);
      const bool held = TakeOrRenew(*connection);
      std::lock_guard lock(mutex_);
      held_until_ = held ? asked + options_.lease - kMargin : absl::InfinitePast();
    } catch (const std::exception& error) {
      connection.reset();
      if (was_held) {
        telemetry::LogWarning("cannot renew the lease of the maintenance",
                              {{"error", error.what()}});
      }
    }
    if (Held() != was_held) {
      was_held = !was_held;
      telemetry::LogInfo(was_held ? "does the maintenance from now on"
                                  : "does the maintenance no more");
    }
  } while (!stop_.WaitFor(options_.period));
  if (!was_held || connection == nullptr) return;
  {
    std::lock_guard lock(mutex_);
    held_until_ = absl::InfinitePast();
  }
  try {
    const StallGuard::Watch watch(&guard_, connection->sock(), SteadyNow() + kAnswerTime);
    pqxx::work work(*connection);
    work.exec_params("DELETE FROM leaders WHERE name = $1 AND holder = $2", options_.name, holder_);
    work.commit();
  } catch (const std::exception&) {
    // It ends with the session.
  }
}

}  // namespace foundry::coordinator
