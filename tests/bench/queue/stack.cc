#include "tests/bench/queue/stack.h"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <pqxx/pqxx>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"

namespace foundry::bench {
namespace {

constexpr int64_t kTasksPerJob = 1000;
constexpr int64_t kChunk = 100'000;  // tasks of one statement

template <typename T>
T OrExit(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::exit(1);
}

}  // namespace

Postgres::Postgres() : folder_(OrExit(TempFolder::Make())) {
  // As root the server runs as another account, which must be able to pass through.
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  postgres::LocalServerOptions options;
  options.folder = folder_.path() / "pg";
  options.max_connections = 200;
  server_ = OrExit(postgres::LocalServer::Start(options));
}

Postgres::~Postgres() { (void)server_->Kill(); }

std::string Postgres::NewDatabase() {
  const std::string name = absl::StrCat("bench_", ++databases_);
  pqxx::connection connection(server_->ConnectionInfo());
  pqxx::nontransaction(connection).exec(absl::StrCat("CREATE DATABASE ", name));
  return server_->ConnectionInfo(name);
}

Coordinator::Coordinator(const std::string& program, const std::string& database,
                         const std::filesystem::path& folder, bool durable) {
  static int number = 0;
  const std::filesystem::path base = folder / absl::StrCat("coordinator", ++number);
  address_ = absl::StrCat("unix:", base.string(), ".sock");
  std::vector<std::string> arguments = {program, absl::StrCat("--database=", database),
                                        absl::StrCat("--listen=", address_), "--metrics-port=-1"};
  if (durable) arguments.push_back("--durable-leases");
  process_ = std::make_unique<testing::ChildProcess>(arguments, base.string() + ".log");
  if (!process_->WaitForLog("serving", absl::Seconds(60))) {
    std::fprintf(stderr, "the coordinator does not start:\n%s\n", process_->Log().c_str());
    std::exit(1);
  }
}

Coordinator::~Coordinator() {
  process_->Signal(SIGTERM);
  process_->Wait(absl::Seconds(20));
}

void RunSql(const std::string& database, const std::string& sql) {
  try {
    pqxx::connection connection(database);
    pqxx::nontransaction(connection).exec(sql);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::exit(1);
  }
}

struct HeldTransaction::Session {
  explicit Session(const std::string& database) : connection(database), work(connection) {
    work.exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    work.exec("SELECT count(*) FROM jobs");  // the snapshot
  }
  pqxx::connection connection;
  pqxx::work work;
};

HeldTransaction::HeldTransaction(const std::string& database)
    : session_(std::make_unique<Session>(database)) {}

HeldTransaction::~HeldTransaction() = default;

void FillHistory(const std::string& database, int64_t tasks) {
  for (int64_t from = 0; from < tasks; from += kChunk) {
    const int64_t to = std::min(tasks, from + kChunk);
    RunSql(database, absl::Substitute(R"(
      INSERT INTO jobs (job_id, request_id, payload_hash, name, state, spec, facts, last_event_id,
                        create_time, end_time)
      SELECT 'old' || n, 'old' || n, 'old', 'old', 4, t.spec, t.facts, 0,
             clock_timestamp() - interval '3 days', clock_timestamp() - interval '2 days'
      FROM generate_series($0 / $2, ($1 - 1) / $2) n,
           (SELECT spec, facts FROM jobs ORDER BY create_time LIMIT 1) t
      ON CONFLICT DO NOTHING;
      INSERT INTO steps (job_id, name, position, state, exported)
      SELECT 'old' || n, 'extraction', 0, 4, true FROM generate_series($0 / $2, ($1 - 1) / $2) n
      ON CONFLICT DO NOTHING;
      INSERT INTO tasks (task_id, job_id, step, key, stage, needs_gpu, weight, state, epoch, attempt,
                         request, fingerprint, result, manifest)
      SELECT md5(n::text), 'old' || n / $2, 'extraction', 'extract/' || n % $2, 'extraction', false, 1,
             4, 1, 1, t.request, md5('a' || n) || md5('b' || n), '\x0a0a0a0a', md5('c' || n) || md5('d' || n)
      FROM generate_series($0, $1 - 1) n, (SELECT request FROM tasks ORDER BY position LIMIT 1) t;
      INSERT INTO events (period, job_id, event_id, step, task_key, state, message, severity)
      SELECT foundry_period(clock_timestamp()), 'old' || n / $2, n % $2 * 3 + e, 'extraction', 'extract/' || n % $2, e + 1, 'done', 'info'
      FROM generate_series($0, $1 - 1) n, generate_series(1, 3) e;)",
                                      from, to, kTasksPerJob));
  }
  RunSql(database, "VACUUM ANALYZE");
}

}  // namespace foundry::bench
