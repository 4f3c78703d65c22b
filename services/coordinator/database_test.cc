#include "services/coordinator/database.h"

#include <atomic>
#include <barrier>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/steady_time.h"
#include "common/testing/fault_proxy.h"
#include "common/testing/private_postgres.h"
#include "gtest/gtest.h"
#include "services/coordinator/migrations.h"

namespace foundry::coordinator {
namespace {

using foundry::testing::PrivatePostgres;

absl::Time Soon() { return SteadyNow() + absl::Seconds(20); }

int Count(Database& database, const char* sql) {
  int count = -1;
  const absl::Status status = database.Transact("count", Soon(), [&](pqxx::work& work) {
    count = Exec(work, sql)[0][0].as<int>();
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return count;
}

TEST(Migrations, ManyAtOnceApplyEachOnce) {
  const std::string info = PrivatePostgres::Shared().NewDatabase();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const absl::Status status = Migrate(info);
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  for (std::thread& thread : threads) thread.join();
  Database database({.connection_info = info});
  EXPECT_EQ(Count(database, "SELECT count(*) FROM schema_migrations"),
            static_cast<int>(Migrations().size()));
  EXPECT_EQ(Count(database, "SELECT count(*) FROM tasks"), 0);
}

TEST(Migrations, ChangedTextIsRefused) {
  const std::string info = PrivatePostgres::Shared().NewDatabase();
  ASSERT_TRUE(Migrate(info).ok());
  Database database({.connection_info = info});
  ASSERT_TRUE(
      database
          .Transact("edit", Soon(),
                    [](pqxx::work& work) {
                      Exec(work, "UPDATE schema_migrations SET sha256 = 'other' WHERE version = 1");
                      return absl::OkStatus();
                    })
          .ok());
  EXPECT_EQ(Migrate(info).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Database, ErrorOfTheBodyUndoesItsWrites) {
  Database database({.connection_info = PrivatePostgres::Shared().NewDatabase()});
  const auto write = [&](absl::Status result) {
    return database.Transact("write", Soon(), [&](pqxx::work& work) {
      work.exec("CREATE TABLE IF NOT EXISTS t (n int)");
      work.exec("INSERT INTO t VALUES (1)");
      return result;
    });
  };
  ASSERT_TRUE(write(absl::OkStatus()).ok());
  EXPECT_EQ(write(absl::NotFoundError("no")).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Count(database, "SELECT count(*) FROM t"), 1);
}

TEST(Database, CutConnectionIsRepeated) {
  Database database({.connection_info = PrivatePostgres::Shared().NewDatabase()});
  int runs = 0;
  const absl::Status status = database.Transact("cut", Soon(), [&](pqxx::work& work) {
    if (++runs == 1) work.exec("SELECT pg_terminate_backend(pg_backend_pid())");
    work.exec("SELECT 1");
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(runs, 2);
}

TEST(Database, ADeadlockIsRepeated) {
  Database database({.connection_info = PrivatePostgres::Shared().NewDatabase()});
  ASSERT_TRUE(database
                  .Transact("make", Soon(),
                            [](pqxx::work& work) {
                              work.exec(
                                  "CREATE TABLE t AS SELECT n, 0 AS x FROM "
                                  "generate_series(0, 1) n");
                              return absl::OkStatus();
                            })
                  .ok());
  // Each holds its first row before it asks for the other's, the first time.
  std::barrier both_hold(2);
  std::atomic<int> runs{0};
  const auto lock_from = [&](int first) {
    bool met = false;
    const absl::Status status = database.Transact("lock", Soon(), [&](pqxx::work& work) {
      ++runs;
      work.exec(absl::StrCat("UPDATE t SET x = x + 1 WHERE n = ", first));
      if (!std::exchange(met, true)) both_hold.arrive_and_wait();
      work.exec(absl::StrCat("UPDATE t SET x = x + 1 WHERE n = ", 1 - first));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
  };
  std::thread other([&] { lock_from(1); });
  lock_from(0);
  other.join();
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(Count(database, "SELECT sum(x) FROM t"), 4);
}

TEST(Database, WaitsForARestartingServer) {
  PrivatePostgres own;
  Database database({.connection_info = own.NewDatabase()});
  EXPECT_EQ(Count(database, "SELECT 1"), 1);
  ASSERT_TRUE(own.server().Kill().ok());
  std::thread restart([&] { EXPECT_TRUE(own.server().Restart().ok()); });
  EXPECT_EQ(Count(database, "SELECT 2"), 2);
  restart.join();
}

TEST(Database, StatementsEndWithTheDeadline) {
  Database database({.connection_info = PrivatePostgres::Shared().NewDatabase(),
                     .statement_timeout = absl::Milliseconds(50)});
  const absl::Status status = database.Transact("slow", Soon(), [](pqxx::work& work) {
    work.exec("SELECT pg_sleep(60)");
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
}

TEST(Database, ASilentTransactionDoesNotHoldItsLocks) {
  const std::string info = PrivatePostgres::Shared().NewDatabase();
  Database silent({.connection_info = info, .idle_timeout = absl::Milliseconds(200)});
  Database other({.connection_info = info});
  const auto add = [](Database& database, int more, const std::function<void()>& then) {
    return database.Transact("add", Soon(), [&](pqxx::work& work) {
      work.exec(absl::StrCat("UPDATE t SET x = x + ", more));
      then();
      work.exec("SELECT 1");
      return absl::OkStatus();
    });
  };
  ASSERT_TRUE(other
                  .Transact("make", Soon(),
                            [](pqxx::work& work) {
                              work.exec("CREATE TABLE t (x int); INSERT INTO t VALUES (1)");
                              return absl::OkStatus();
                            })
                  .ok());
  int tries = 0;
  const absl::Status status = add(silent, 10, [&] {
    // Waits for the row that the silent one holds.
    if (++tries == 1) {
      EXPECT_TRUE(add(other, 100, [] {}).ok());
    }
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(tries, 2) << "its session was ended, and it ran again";
  EXPECT_EQ(Count(other, "SELECT x FROM t"), 111);
}

// The answer is lost and nobody says so: only the client can end the wait.
TEST(Database, SilentConnectionsEndWithTheDeadline) {
  const std::string direct = PrivatePostgres::Shared().NewDatabase();
  const size_t host = direct.find("host='") + 6;
  const std::string folder = direct.substr(host, direct.find('\'', host) - host);
  foundry::testing::FaultProxy proxy("127.0.0.1:0",
                                     absl::StrCat("unix:", folder, "/.s.PGSQL.5432"));
  std::string info = direct;
  info.replace(host, folder.size(), "127.0.0.1");
  absl::StrAppend(&info, " port='", proxy.address().substr(10), "'");  // the last one counts
  Database database({.connection_info = info});
  ASSERT_EQ(Count(database, "SELECT 1"), 1);
  for (const bool hole : {true, false}) {
    hole ? proxy.SetHole(true) : proxy.Forget();
    const absl::Status status =
        database.Transact("silent", SteadyNow() + absl::Milliseconds(300), [](pqxx::work& work) {
          work.exec("SELECT 1");
          return absl::OkStatus();
        });
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    proxy.SetHole(false);
    EXPECT_EQ(Count(database, "SELECT 2"), 2);
  }
}

}  // namespace
}  // namespace foundry::coordinator
