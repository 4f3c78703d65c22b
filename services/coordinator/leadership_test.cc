#include "services/coordinator/leadership.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/testing/private_postgres.h"
#include "gtest/gtest.h"
#include "services/coordinator/database.h"
#include "services/coordinator/migrations.h"

namespace foundry::coordinator {
namespace {

const Leadership::Options kQuick = {.period = absl::Milliseconds(20)};

class LeadershipTest : public ::testing::Test {
 protected:
  LeadershipTest() : info_(foundry::testing::PrivatePostgres::Shared().NewDatabase()) {
    EXPECT_TRUE(Migrate(info_).ok());
  }
  static bool Becomes(const Leadership& leadership, bool held) {
    const absl::Time give_up = absl::Now() + absl::Seconds(20);
    while (leadership.Held() != held && absl::Now() < give_up) absl::SleepFor(kQuick.period);
    return leadership.Held() == held;
  }
  // A holder that does nothing any more, on `connection`.
  void Install(pqxx::connection& connection, const std::string& until) {
    pqxx::work work(connection);
    work.exec("INSERT INTO leaders SELECT 'maintenance', 'other', pid, backend_start, " + until +
              " FROM pg_stat_activity WHERE pid = pg_backend_pid()");
    work.commit();
  }
  const std::string info_;
};

TEST_F(LeadershipTest, OneHoldsItAndHandsItOver) {
  auto first = std::make_unique<Leadership>(info_, kQuick);
  ASSERT_TRUE(Becomes(*first, true));
  const Leadership second(info_, kQuick);
  const Leadership third(info_, kQuick);
  absl::SleepFor(3 * kQuick.period);
  EXPECT_TRUE(first->Held());
  EXPECT_FALSE(second.Held() || third.Held());
  first.reset();
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (!second.Held() && !third.Held() && absl::Now() < give_up) absl::SleepFor(kQuick.period);
  EXPECT_NE(second.Held(), third.Held());
}

TEST_F(LeadershipTest, ADeadSessionsLeaseIsTakenAtOnce) {
  auto dead = Connect(info_);
  Install(*dead, "clock_timestamp() + interval '1 hour'");
  const Leadership next(info_, kQuick);
  absl::SleepFor(3 * kQuick.period);
  EXPECT_FALSE(next.Held()) << "the session lives, the lease runs";
  dead.reset();
  EXPECT_TRUE(Becomes(next, true));
}

TEST_F(LeadershipTest, ALeaseThatIsNotRenewedIsTakenFromALivingSession) {
  const auto hangs = Connect(info_);
  Install(*hangs, "clock_timestamp() - interval '1 millisecond'");
  const Leadership next(info_, kQuick);
  EXPECT_TRUE(Becomes(next, true));
}

TEST_F(LeadershipTest, WhoCannotRenewStopsInTime) {
  Leadership::Options options = kQuick;
  options.lease = absl::Milliseconds(1500);
  const Leadership leadership(info_, options);
  ASSERT_TRUE(Becomes(leadership, true));
  const auto thief = Connect(info_);
  {
    // Its renewals wait for this row until their lease is over.
    pqxx::work work(*thief);
    work.exec(
        "UPDATE leaders SET holder = 'thief', lease_until = clock_timestamp() + interval '1 "
        "hour', backend_pid = pg_backend_pid(), backend_start = (SELECT backend_start FROM "
        "pg_stat_activity WHERE pid = pg_backend_pid())");
    EXPECT_TRUE(Becomes(leadership, false));
    work.commit();
  }
  EXPECT_FALSE(leadership.Held());
}

}  // namespace
}  // namespace foundry::coordinator
