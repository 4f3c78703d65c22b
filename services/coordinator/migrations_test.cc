// The schema across versions: which programs run on it, who may change it, what its statements
// cost, and its way up and down with many rows.
//
//   FOUNDRY_RECORD_PROGRAM=1 build/dev/tests/coordinator_migrations_test --gtest_filter='*Trace*'
//       records what this program says, into testing/program_NNNN.json: before a migration is added
//   FOUNDRY_MIGRATION_ROWS=1000000 build/dev/tests/coordinator_migrations_test
//   --gtest_filter='*Rows*'
#include "services/coordinator/migrations.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/substitute.h"
#include "common/base/files.h"
#include "gmock/gmock.h"
#include "services/coordinator/store_fixture.h"
#include "services/coordinator/testing/program_trace.h"

namespace foundry::coordinator {
namespace {

using ::testing::HasSubstr;
using testing::PrivatePostgres;

int Newest() { return Migrations().back().version; }

std::filesystem::path TraceFile(int program) {
  const char* source = getenv("FOUNDRY_SOURCE_DIR");  // ctest sets it
  return std::filesystem::path(source == nullptr ? "." : source) /
         absl::StrFormat("services/coordinator/testing/program_%04d.json", program);
}

class MigrationsTest : public StoreFixture {
 protected:
  // As a newer program would leave the database.
  void PretendNewer(int version, int least_program) {
    Sql(
        absl::Substitute("INSERT INTO schema_migrations (version, name, sha256, least_program) "
                         "VALUES ($0, 'newer', 'x', $1)",
                         version, least_program));
  }
  std::string Ask(const std::string& sql) {
    pqxx::connection connection(info_);
    return pqxx::nontransaction(connection).exec(sql)[0][0].c_str();
  }
};

TEST_F(MigrationsTest, ANewerSchemaThatSaysSoIsRunOn) {
  ASSERT_TRUE(Migrate(info_).ok());
  PretendNewer(Newest() + 1, Newest());
  const absl::Status status = Migrate(info_);
  EXPECT_TRUE(status.ok()) << status;
  Create("a job", SmallSpec());
  EXPECT_EQ(RunAll().size(), 3u);
}

TEST_F(MigrationsTest, ANewerSchemaThatDoesNotIsRefused) {
  ASSERT_TRUE(Migrate(info_).ok());
  PretendNewer(Newest() + 1, Newest() + 1);
  PretendNewer(Newest() + 2, Newest());
  const absl::Status status = Migrate(info_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.ToString(), HasSubstr(absl::StrCat("version ", Newest() + 1, " needs")));
  EXPECT_THAT(status.ToString(), HasSubstr(absl::StrCat("--migrate-to ", Newest())));
  // Nor can this program take it back: it does not know how.
  EXPECT_THAT(MigrateTo(info_, Newest()).ToString(), HasSubstr("only the newer program"));
}

// Databases of programs that did not write down who runs on them.
TEST_F(MigrationsTest, RowsWithoutTheRuleCountAsNeedingTheirVersion) {
  ASSERT_TRUE(Migrate(info_).ok());
  Sql("ALTER TABLE schema_migrations DROP COLUMN least_program");
  ASSERT_TRUE(Migrate(info_).ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM schema_migrations WHERE least_program = version"),
            absl::StrCat(Newest()));
}

TEST_F(MigrationsTest, WhoKeepsTheLockIsNamed) {
  ASSERT_TRUE(Migrate(info_).ok());
  pqxx::connection other(absl::StrCat(info_, " application_name=slow-migration"));
  pqxx::work work(other);
  work.exec(absl::StrCat("SELECT pg_advisory_lock(", 0x466f756e647279, ")"));
  const absl::Status status = Migrate(info_, {.wait = absl::Milliseconds(50)});
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("slow-migration"));
  EXPECT_THAT(status.ToString(), HasSubstr(absl::StrCat("process ", other.backendpid())));
}

// A statement that waited for a table would keep everybody else from it.
TEST_F(MigrationsTest, AnUsedTableIsNotWaitedForLong) {
  ASSERT_TRUE(Migrate(info_).ok());
  pqxx::connection other(info_);
  auto work = std::make_unique<pqxx::work>(other);
  work->exec("SELECT count(*) FROM jobs");
  const MigrateOptions quick = {.lock_wait = absl::Milliseconds(50), .lock_tries = 1};
  const absl::Status status = MigrateTo(info_, 3, quick);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("keeps locked"));
  work.reset();
  EXPECT_TRUE(MigrateTo(info_, 3, quick).ok());
}

// ---- Programs of earlier versions.

class ProgramTraceTest : public MigrationsTest {
 protected:
  // Something of everything that a coordinator does.
  void Scenario() {
    const std::string job = Create("first", SmallSpec());
    ASSERT_TRUE(store().SawWorkers({{"w0", {"extraction"}, true}}, Soon()).ok());
    Get(job);
    const GrantedLease failing = LeaseOne();
    auto beat = RequestFor<v1::HeartbeatRequest>(failing);
    beat.mutable_progress()->set_done(1);
    beat.mutable_progress()->set_total(2);
    beat.add_messages("under way");
    ASSERT_TRUE(store().Heartbeat(beat, Soon()).ok());
    beat.clear_messages();
    auto* point = beat.add_metrics();
    point->set_name("loss");
    point->set_step(1);
    point->set_value(0.5);
    ASSERT_TRUE(store().Heartbeat(beat, Soon()).ok());
    ASSERT_TRUE(Fail(failing, true).ok());
    ASSERT_TRUE(Release(LeaseOne()).ok());
    LeaseOne();
    ExpireAll();
    RunAll();
    ASSERT_TRUE(store().ExportAgain(job, Soon()).ok());
    ASSERT_EQ(store().PendingExports(10, {}, Soon())->size(), 1u);
    ASSERT_TRUE(store().ExportDone(job, "extraction", Soon()).ok());
    ASSERT_EQ(store().StepsWithOutputs(job, Soon())->size(), 1u);

    const std::string limited =
        Create("limited", SpecOf("sources: [{pdf: docs}]\nsteps: [extraction]\npriority: 5\n"
                                 "max_running_tasks: 1\nextraction: {shards: 2}\n"));
    const GrantedLease running = LeaseOne();
    ASSERT_TRUE(store().CancelJob(limited, "enough", Soon()).ok());
    ASSERT_TRUE(Release(running).ok());
    ASSERT_TRUE(store().RetryJob(limited, Soon()).ok());
    ASSERT_TRUE(Fail(LeaseOne(), false).ok());

    ASSERT_TRUE(store().ListJobs(10, "", v1::STATE_UNSPECIFIED, Soon()).ok());
    ASSERT_TRUE(store().Events(job, 0, 100, Soon()).ok());
    ASSERT_TRUE(store().Metrics(job, "", "", Soon()).ok());
    ASSERT_TRUE(store().CommittedManifests(Soon()).ok());
    ASSERT_TRUE(store().QueueCounts(Soon()).ok());
    ASSERT_TRUE(store().DropHistory(absl::Hours(24 * 90), Soon()).ok());
    ASSERT_TRUE(store().ForgetWorkers(absl::Hours(24), Soon()).ok());
    ASSERT_TRUE(store().ShortenPauses(Soon()).ok());
    ASSERT_TRUE(store().Ping(Soon()).ok());
  }

  ProgramTrace Record() {
    const std::filesystem::path log = PrivatePostgres::Shared().server().log();
    EXPECT_TRUE(Migrate(info_).ok());
    const std::string name = Ask("SELECT current_database()");
    const std::string period = Ask("SELECT foundry_period(clock_timestamp())");
    Sql(absl::StrCat("ALTER DATABASE ", name, " SET log_statement = 'all'"));
    store_ = NewStore();
    const size_t from = std::filesystem::file_size(log);
    Scenario();
    auto trace = ReadServerLog(log, from, period);
    EXPECT_TRUE(trace.ok()) << trace.status();
    trace->program = Newest();
    return *std::move(trace);
  }

  // The numbers of rows of `trace` on a new database of the newest schema.
  static ProgramTrace OnTheNewest(ProgramTrace trace) {
    const std::string info = PrivatePostgres::Shared().NewDatabase();
    EXPECT_TRUE(Migrate(info).ok());
    const absl::Status status = Replay(info, &trace);
    EXPECT_TRUE(status.ok()) << "program " << trace.program << ": " << status;
    return trace;
  }
  static void ExpectSame(const ProgramTrace& trace, const ProgramTrace& other) {
    ASSERT_EQ(trace.calls.size(), other.calls.size());
    for (size_t i = 0; i < trace.calls.size(); ++i) {
      EXPECT_EQ(trace.calls[i].rows, other.calls[i].rows) << i << ": " << trace.calls[i].sql;
      EXPECT_EQ(trace.calls[i].changed, other.calls[i].changed) << i << ": " << trace.calls[i].sql;
    }
  }
};

TEST_F(ProgramTraceTest, ThisProgramsTraceCanBeSaidAgain) {
  const ProgramTrace trace = OnTheNewest(Record());
  EXPECT_GT(trace.calls.size(), 200u);
  ExpectSame(trace, OnTheNewest(trace));
  if (getenv("FOUNDRY_RECORD_PROGRAM") == nullptr) return;
  const absl::Status saved = SaveTrace(trace, TraceFile(Newest()));
  ASSERT_TRUE(saved.ok()) << saved;
  printf("recorded %s\n", TraceFile(Newest()).c_str());
}

// The rule for changes of the schema: expand in one version, contract in a later one. So the
// program before the newest version always runs, and during an upgrade both kinds may.
TEST_F(ProgramTraceTest, EarlierProgramsRunOnTheNewestSchema) {
  int least = 0;
  for (const Migration& migration : Migrations()) least = std::max(least, migration.least_program);
  if (Newest() > 4) {
    EXPECT_LT(least, Newest()) << "the program before the newest migration must run on it";
  }
  for (int program = std::max(least, 4); program <= Newest(); ++program) {
    if (program == Newest() && !std::filesystem::exists(TraceFile(program))) break;
    const auto recorded = LoadTrace(TraceFile(program));
    ASSERT_TRUE(recorded.ok()) << recorded.status() << ": record it before a migration is added";
    ASSERT_EQ(recorded->program, program);
    ExpectSame(*recorded, OnTheNewest(*recorded));
  }
}

// ---- Plans.

// What of a plan grows with what lies in the tables: a table or a whole index that is read to its
// end. Partial indexes hold open work only; heartbeats, workers and leaders are small.
std::string ReadsAll(const std::vector<std::string>& plan) {
  for (size_t i = 0; i < plan.size(); ++i) {
    for (const char* table : {"tasks", "events", "metrics", "jobs", "steps"}) {
      const size_t scan = plan[i].find("Scan");
      if (scan == std::string::npos || !absl::StrContains(plan[i], absl::StrCat(" on ", table))) {
        continue;
      }
      const bool partial =
          absl::StrContains(plan[i], "tasks_open") || absl::StrContains(plan[i], "tasks_gangs") ||
          absl::StrContains(plan[i], "jobs_open") || absl::StrContains(plan[i], "steps_to_export");
      const bool has_condition =
          i + 1 < plan.size() && (absl::StrContains(plan[i + 1], "Index Cond") ||
                                  absl::StrContains(plan[i + 1], "Recheck Cond"));
      if (!partial && !has_condition) return plan[i];
    }
  }
  return "";
}

TEST_F(ProgramTraceTest, WhatIsSaidCostsTheSameWhateverLiesInTheTables) {
  const ProgramTrace trace = Record();
  Sql("INSERT INTO tasks (task_id, job_id, step, key, stage, needs_gpu, weight, state, request, "
      "fingerprint) SELECT 'old' || n, j.job_id, 'extraction', 'old' || n, 'extraction', false, 1, "
      "4, '', md5(n::text) FROM generate_series(1, 20000) n, (SELECT job_id FROM jobs LIMIT 1) j");
  Sql("INSERT INTO events (period, job_id, event_id, step, task_key, state, message, severity) "
      "SELECT period, job_id, 1000 + n, 'extraction', n::text, 4, 'done', 'info' FROM "
      "generate_series(1, 20000) n, (SELECT period, job_id FROM jobs LIMIT 1) j");
  Sql("ANALYZE");
  const std::string period = Ask("SELECT foundry_period(clock_timestamp())");
  pqxx::connection connection(info_);
  pqxx::nontransaction session(connection);
  session.exec("SET enable_seqscan = off");
  std::set<std::string> seen;
  for (const TracedCall& call : trace.calls) {
    if (!call.prepared || !seen.insert(call.sql).second) continue;
    // A page of the newest jobs stops early; the collection of blobs reads every manifest.
    if (absl::StrContains(call.sql, "ORDER BY create_time DESC")) continue;
    if (absl::StrContains(call.sql, "SELECT manifest FROM tasks")) continue;
    std::vector<std::string> parameters = call.parameters, plan;
    std::replace(parameters.begin(), parameters.end(), std::string("{period}"), period);
    for (const auto& row : session.exec_params(
             "EXPLAIN " + call.sql,
             pqxx::prepare::make_dynamic_params(parameters.begin(), parameters.end()))) {
      plan.push_back(row[0].c_str());
    }
    EXPECT_EQ(ReadsAll(plan), "") << call.sql;
  }
  EXPECT_GT(seen.size(), 40u);
}

// ---- Many rows.

TEST_F(MigrationsTest, RowsSurviveTheWayUpAndDown) {
  int64_t rows = 20'000;
  if (const char* wanted = getenv("FOUNDRY_MIGRATION_ROWS")) {
    ASSERT_TRUE(absl::SimpleAtoi(wanted, &rows)) << "FOUNDRY_MIGRATION_ROWS=" << wanted;
  }
  ASSERT_TRUE(MigrateTo(info_, 1).ok());
  pqxx::connection connection(info_);
  // Jobs of a thousand tasks, made over half a year.
  pqxx::nontransaction(connection)
      .exec(absl::Substitute(
          "INSERT INTO jobs (job_id, request_id, payload_hash, name, state, spec, facts, "
          "last_event_id, create_time) SELECT 'j' || n, 'j' || n, 'h', 'j', 4, '', '{}', 1000, "
          "clock_timestamp() - n % 26 * interval '7 days' FROM generate_series(0, $0 / 1000) n;"
          "INSERT INTO steps (job_id, name, position, state) SELECT job_id, 'extraction', 0, 4 "
          "FROM jobs;"
          "INSERT INTO tasks (task_id, job_id, step, key, stage, needs_gpu, weight, state, "
          "request, "
          "fingerprint) SELECT 't' || n, 'j' || n / 1000, 'extraction', n::text, 'extraction', "
          "false, 1, 4, '', md5(n::text) FROM generate_series(0, $0 - 1) n;"
          "INSERT INTO events (job_id, event_id, step, task_key, state, message, severity) SELECT "
          "'j' || n / 1000, n % 1000 + 1, 'extraction', n::text, 4, 'done', 'info' FROM "
          "generate_series(0, $0 - 1) n;"
          "INSERT INTO metrics (job_id, step, task_key, name, x, value) SELECT 'j' || n / 1000, "
          "'extraction', n::text, 'loss', 1, 0.5 FROM generate_series(0, $0 - 1) n",
          rows));
  const auto counts = [&] {
    return Ask(
        "SELECT (SELECT count(*) FROM tasks)::text || ' ' || (SELECT count(*) FROM events) || ' ' "
        "|| (SELECT count(*) FROM metrics) || ' ' || (SELECT sum(event_id) FROM events)");
  };
  const std::string before = counts();
  const auto go = [&](int version, const char* way) {
    const absl::Time start = absl::Now();
    const absl::Status status = MigrateTo(info_, version);
    ASSERT_TRUE(status.ok()) << status;
    printf("%s version %d with %lld rows a table: %.1f s\n", way, version,
           static_cast<long long>(rows), absl::ToDoubleSeconds(absl::Now() - start));
    EXPECT_EQ(counts(), before) << way << " version " << version;
  };
  for (int version = 2; version <= Newest(); ++version) go(version, "up to");
  EXPECT_EQ(Get("j0").last_event_id(), 1000);
  store_.reset();
  for (int version = Newest() - 1; version >= 1; --version) go(version, "down to");
}

}  // namespace
}  // namespace foundry::coordinator
