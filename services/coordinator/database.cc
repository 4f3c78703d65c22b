#include "services/coordinator/database.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"

namespace foundry::coordinator {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(20);
constexpr absl::Duration kLongestPause = absl::Seconds(1);
// Statements end at the deadline by themselves where the server is alive.
constexpr absl::Duration kStallGrace = absl::Seconds(1);

// A coordinator's machine that is gone is noticed in seconds; without effect on Unix sockets.
constexpr char kNoticeLostClients[] =
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; "
    "SET tcp_user_timeout = 11000; ";

// Steps of 4/5 below `limit`: a session's timeout is set anew only when a call has clearly less
// time than the one before.
int64_t TimeoutMillis(absl::Duration left, absl::Duration limit) {
  const double most = std::max<double>(1, absl::ToDoubleMilliseconds(std::min(left, limit)));
  double step = absl::ToDoubleMilliseconds(limit);
  while (step > most) step *= 0.8;
  return std::max<int64_t>(1, static_cast<int64_t>(step));
}

}  // namespace

// What an attempt ended in, and whether another one may help.
struct Database::Outcome {
  absl::Status status;
  bool repeat = false;
  bool broken = false;  // the connection is of no further use

  static Outcome FromSqlError(const pqxx::sql_error& error);
};

Database::Outcome Database::Outcome::FromSqlError(const pqxx::sql_error& error) {
  const std::string state = error.sqlstate();
  const absl::string_view message = absl::StripSuffix(error.what(), "\n");
  if (state == "57014") return {absl::DeadlineExceededError(message)};  // statement_timeout
  // Shutting down, starting up, idle for too long; then too many connections, disk full.
  if (absl::StartsWith(state, "57P") || absl::StartsWith(state, "08") || state == "25P03") {
    return {absl::UnavailableError(message), true, true};
  }
  if (state == "55P03") return {absl::AbortedError(message)};  // lock_timeout
  if (absl::StartsWith(state, "53")) return {absl::UnavailableError(message), true};
  return {absl::InternalError(absl::StrCat(message, " [", state, "] in: ", error.query()))};
}

Database::Outcome Database::Attempt(Session& session, absl::Duration left, const Body& body) const {
  try {
    const int64_t timeout = TimeoutMillis(left, options_.statement_timeout);
    if (timeout != session.statement_timeout_ms) {
      // Outside a transaction, whose end could undo it.
      pqxx::nontransaction(*session.connection)
          .exec(absl::StrCat("SET statement_timeout = ", timeout));
      session.statement_timeout_ms = timeout;
    }
    return {body(*session.connection)};
  } catch (const pqxx::in_doubt_error& error) {
    return {absl::UnavailableError(error.what()), true, true};
  } catch (const pqxx::broken_connection& error) {
    return {absl::UnavailableError(error.what()), true, true};
  } catch (const pqxx::statement_completion_unknown& error) {
    return {absl::UnavailableError(error.what()), true, true};
  } catch (const pqxx::transaction_rollback& error) {
    // Deadlock, serialisation failure: undone, and no sql_error (libpqxx 6).
    return {absl::AbortedError(absl::StripSuffix(error.what(), "\n")), true};
  } catch (const pqxx::sql_error& error) {
    return Outcome::FromSqlError(error);
  } catch (const std::exception& error) {
    return {absl::InternalError(error.what()), false, true};
  }
}

std::unique_ptr<pqxx::connection> Connect(const std::string& connection_info) {
  auto connection = std::make_unique<pqxx::connection>(
      absl::StrCat(connection_info, " application_name=foundry-coordinator connect_timeout=5"));
  // Deprecated because later versions never reactivate; 6.4 does unless told.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection->inhibit_reactivation(true);
#pragma GCC diagnostic pop
  return connection;
}

absl::StatusOr<Database::Session> Database::Take(absl::Time deadline) {
  {
    std::unique_lock lock(mutex_);
    const bool got = returned_.wait_for(lock, WaitTime(deadline), [this] {
      return !idle_.empty() || open_ < options_.connections;
    });
    if (!got) return absl::UnavailableError("every database connection is in use");
    if (!idle_.empty()) {
      const int64_t timeout = TimeoutMillis(deadline - SteadyNow(), options_.statement_timeout);
      auto fit = std::find_if(idle_.begin(), idle_.end(), [&](const Session& session) {
        return session.statement_timeout_ms == timeout;
      });
      if (fit == idle_.end()) fit = std::prev(idle_.end());
      Session session = std::move(*fit);
      idle_.erase(fit);
      return session;
    }
    ++open_;
  }
  try {
    Session session;
    session.connection = Connect(options_.connection_info);
    const StallGuard::Watch watch(&guard_, session.connection->sock(), deadline + kStallGrace);
    // Tables grow and shrink faster than their statistics: a queue is always read by its indexes.
    // So there is one good plan for each statement, and planning anew would only cost.
    pqxx::nontransaction(*session.connection)
        .exec(absl::StrCat(
            "SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan; ",
            kNoticeLostClients, "SET idle_in_transaction_session_timeout = ",
            absl::ToInt64Milliseconds(options_.idle_timeout),
            "; SET synchronous_commit = ", options_.durable ? "on" : "off"));
    return session;
  } catch (const std::exception& error) {
    GiveBack({});
    return absl::UnavailableError(absl::StrCat("cannot connect: ", error.what()));
  }
}

void Database::GiveBack(Session session) {
  {
    std::lock_guard lock(mutex_);
    if (session.connection != nullptr) {
      idle_.push_back(std::move(session));
    } else {
      --open_;
    }
  }
  returned_.notify_one();
}

absl::Status Database::Transact(absl::string_view what, absl::Time deadline,
                                const std::function<absl::Status(pqxx::work&)>& body) {
  return Repeat(what, deadline, [&body](pqxx::connection& connection) {
    pqxx::work work(connection);
    absl::Status status = body(work);
    if (status.ok()) {
      work.commit();
    } else {
      work.abort();
    }
    return status;
  });
}

absl::Status Database::Singly(absl::string_view what, absl::Time deadline,
                              const std::function<absl::Status(pqxx::transaction_base&)>& body) {
  return Repeat(what, deadline, [&body](pqxx::connection& connection) {
    pqxx::nontransaction statements(connection);
    return body(statements);
  });
}

absl::Status Database::Repeat(absl::string_view what, absl::Time deadline, const Body& body) {
  for (absl::Duration pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    Outcome outcome;
    auto session = Take(deadline);
    if (session.ok()) {
      {
        const StallGuard::Watch watch(&guard_, session->connection->sock(), deadline + kStallGrace);
        outcome = Attempt(*session, deadline - SteadyNow(), body);
      }
      if (outcome.broken) {
        session->connection.reset();
        // Its siblings most likely went with it; they are opened anew when needed.
        std::lock_guard lock(mutex_);
        open_ -= static_cast<int>(idle_.size());
        idle_.clear();
      }
      GiveBack(*std::move(session));
    } else {
      outcome = {session.status(), true};
    }
    if (!outcome.repeat || SteadyNow() + pause >= deadline) {
      if (outcome.status.code() == absl::StatusCode::kInternal ||
          outcome.status.code() == absl::StatusCode::kUnavailable) {
        return Annotate(outcome.status, absl::StrCat("database, ", what));
      }
      return outcome.status;
    }
    absl::SleepFor(pause);
  }
}

}  // namespace foundry::coordinator
