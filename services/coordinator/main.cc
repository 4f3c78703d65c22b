// foundry-coordinator: serves jobs to clients and tasks to workers; keeps everything in PostgreSQL.
#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/parent.h"
#include "common/base/secret.h"
#include "common/base/status.h"
#include "common/rpc/termination.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"
#include "services/coordinator/coordinator.h"
#include "services/coordinator/migrations.h"

namespace {

using foundry::coordinator::Coordinator;
using foundry::coordinator::CoordinatorOptions;

constexpr absl::Duration kGrace = absl::Seconds(5);

struct Flags {
  CoordinatorOptions coordinator;
  std::string token;  // reference
  std::string metrics_listen = "127.0.0.1";
  int metrics_port = 0;
  int lease_seconds = 30;
  int history_days = 90;
  int migrate_to = -1;
  std::string log_format = "console";
  std::string log_level = "info";
};

void Declare(CLI::App& app, Flags& flags) {
  CoordinatorOptions& options = flags.coordinator;
  app.add_option("--database", options.database,
                 "libpq connection string of the PostgreSQL database")
      ->required()
      ->envname("FOUNDRY_DATABASE");
  app.add_option("--listen", options.server.listen, "unix:/path or host:port (port 0: a free one)");
  app.add_option("--artifacts", options.artifacts,
                 "root of the artifact store; without it no outputs are written to output_dir");
  app.add_option("--lease-seconds", flags.lease_seconds,
                 "how long a task stays with a worker that is silent")
      ->check(CLI::Range(2, 3600))
      ->capture_default_str();
  app.add_flag("--durable-leases", options.durable_leases,
               "claims and heartbeats, too, are on disk before they are answered: a crash of "
               "PostgreSQL then costs no running task its lease, and quick tasks take longer");
  app.add_option("--history-days", flags.history_days,
                 "events and metrics of jobs are dropped this long after the job was made, by the "
                 "week, jobs that still run excepted; 0: kept for ever")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app.add_option("--migrate-to", flags.migrate_to,
                 "bring the database's schema up or back down to this version and end; before an "
                 "older coordinator is started, with none running");
  app.add_option("--connections", options.connections, "most database connections")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  app.add_option("--token", flags.token,
                 "bearer token that callers must show, as env:NAME or file:PATH");
  app.add_option("--tls-cert", options.server.tls_cert_file, "PEM certificate");
  app.add_option("--tls-key", options.server.tls_key_file, "PEM key");
  app.add_option("--tls-client-ca", options.server.tls_client_ca_file,
                 "PEM CA that clients' certificates must come from");
  app.add_flag("--insecure", options.server.insecure, "allow a TCP address without TLS or token");
  app.add_option("--metrics-listen", flags.metrics_listen, "host that serves /metrics")
      ->capture_default_str();
  app.add_option("--metrics-port", flags.metrics_port, "port of /metrics; 0: a free one; -1: none")
      ->capture_default_str()
      ->check(CLI::Range(-1, 65535));
  app.add_option("--log-format", flags.log_format, "console or json")->capture_default_str();
  app.add_option("--log-level", flags.log_level, "debug, info, warning or error")
      ->capture_default_str();
}

absl::Status Run(Flags& flags, foundry::rpc::Termination& termination) {
  namespace telemetry = foundry::telemetry;
  telemetry::LogOptions log{.process = "coordinator"};
  absl::Status status = telemetry::ParseLogOptions(flags.log_format, flags.log_level, &log);
  if (!status.ok()) return status;
  telemetry::InitLogging(log);
  if (!flags.token.empty()) {
    auto token = foundry::ReadSecret(flags.token);
    if (!token.ok()) return foundry::Annotate(token.status(), "--token");
    flags.coordinator.token = *std::move(token);
  }
  if (flags.migrate_to >= 0) {
    return foundry::coordinator::MigrateTo(flags.coordinator.database, flags.migrate_to);
  }
  if (flags.coordinator.server.listen.empty())
    return absl::InvalidArgumentError("--listen is missing");
  flags.coordinator.lease = absl::Seconds(flags.lease_seconds);
  flags.coordinator.history =
      flags.history_days == 0 ? absl::InfiniteDuration() : absl::Hours(24 * flags.history_days);
  telemetry::Metrics metrics;
  auto coordinator = Coordinator::Start(flags.coordinator, &metrics);
  if (!coordinator.ok()) return coordinator.status();
  std::unique_ptr<telemetry::MetricsServer> metrics_server;
  if (flags.metrics_port >= 0) {
    auto started = telemetry::MetricsServer::Start(
        absl::StrCat(flags.metrics_listen, ":", flags.metrics_port), &metrics);
    if (!started.ok()) return started.status();
    metrics_server = *std::move(started);
  }
  telemetry::LogInfo("serving", {{"address", (*coordinator)->address()},
                                 {"metrics", metrics_server ? metrics_server->address() : ""}});
  const int signal = termination.Wait();
  telemetry::LogInfo("shutting down", {{"signal", absl::StrCat(signal)}});
  (*coordinator)->Shutdown(kGrace);
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  foundry::EndWithParent();
  foundry::rpc::Termination termination;  // before any thread
  Flags flags;
  CLI::App app("Foundry's coordinator: jobs, steps and tasks on PostgreSQL.",
               "foundry-coordinator");
  Declare(app, flags);
  try {  // CLI11 reports by throwing
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = Run(flags, termination);
  if (status.ok()) return 0;
  std::fprintf(stderr, "foundry-coordinator: %s\n", std::string(status.message()).c_str());
  return 1;
}
