#include "common/worker/process_flags.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace foundry::worker {
namespace {

std::string DefaultWorkDir(const std::string& program) {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return absl::StrCat(cache, "/foundry/", program);
  }
  const char* home = std::getenv("HOME");
  return absl::StrCat(home == nullptr ? "/tmp" : home, "/.cache/foundry/", program);
}

// Those that CUDA_VISIBLE_DEVICES names, else the driver's; 0: it cannot be told.
int VisibleGpus() {
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES"); visible != nullptr) {
    const std::vector<std::string> names = absl::StrSplit(visible, ',', absl::SkipEmpty());
    return static_cast<int>(names.size());
  }
  int count = 0;
  while (std::filesystem::exists(absl::StrCat("/dev/nvidia", count))) ++count;
  return count;
}

}  // namespace

ParsedFlags ParseProcessFlags(int argc, char** argv, const std::string& program,
                              const std::vector<std::string>& known) {
  ParsedFlags parsed;
  ProcessFlags& flags = parsed.flags;
  flags.stages = known;
  flags.work_dir = DefaultWorkDir(program);
  flags.metrics_listen = "127.0.0.1";
  std::string log_format = "console";
  std::string log_level = "info";

  CLI::App app(absl::StrCat("Runs the stages ", absl::StrJoin(known, ", "), " of Foundry."),
               program);
  if (known.size() > 1) {
    app.add_option("--stages", flags.stages, "Stages to run, separated by commas (default: all)")
        ->delimiter(',')
        ->check(CLI::IsMember(known));
  }
  app.add_option("--coordinator", flags.coordinator,
                 "Lease tasks from this coordinator: unix:/path or host:port");
  app.add_option("--listen", flags.listen,
                 "Serve the stages' own RPCs here: unix:/path or host:port");
  app.add_option("--artifacts", flags.artifacts, "Folder of the artifact store");
  app.add_option("--work-dir", flags.work_dir, "Folder for local files, one process each")
      ->capture_default_str();
  app.add_option("--metrics-listen", flags.metrics_listen, "Host that serves /metrics")
      ->capture_default_str();
  app.add_option("--metrics-port", flags.metrics_port, "Port of /metrics; 0: a free one; -1: none")
      ->capture_default_str()
      ->check(CLI::Range(-1, 65535));
  app.add_option("--slots", flags.slots, "Tasks that run at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_flag("--gpu", flags.has_gpu, "Take tasks that need a GPU");
  app.add_option("--devices", flags.devices,
                 "Ranks of a training that run here at once; a training of more takes several "
                 "workers. Default: with --gpu the number of GPUs, else 0: any number")
      ->check(CLI::Range(0, 1024));
  app.add_option("--rank-address", flags.rank_address,
                 "IP address or name by which ranks on other workers reach those here; the network "
                 "between them must be trusted")
      ->capture_default_str();
  app.add_option("--state-seconds", flags.state_seconds,
                 "A training's state is stored this often, at its checkpoints, so that another "
                 "worker can go on with it")
      ->capture_default_str()
      ->check(CLI::Range(0, 86400));
  app.add_option("--log-format", log_format, "console or json")->capture_default_str();
  app.add_option("--log-level", log_level, "debug, info, warning or error")->capture_default_str();
  app.add_option("--token", flags.token,
                 "Bearer token that callers must show, as env:NAME or file:PATH");
  app.add_option("--tls-cert", flags.tls_cert, "Certificate of the server (PEM)");
  app.add_option("--tls-key", flags.tls_key, "Its key (PEM)");
  app.add_option("--tls-client-ca", flags.tls_client_ca,
                 "CA that callers' certificates must be of");
  app.add_flag("--insecure", flags.insecure, "Allow TCP without TLS or token");
  app.add_option("--coordinator-token", flags.coordinator_token,
                 "Bearer token for the coordinator, as env:NAME or file:PATH");
  app.add_option("--coordinator-ca", flags.coordinator_ca,
                 "Speak TLS with the coordinator and trust this CA (PEM)");

  const auto wrong = [&](absl::string_view message) {
    std::cerr << program << ": " << message << "\n";
    parsed.run = false;
    parsed.exit_code = 2;
    return parsed;
  };
  try {  // CLI11 reports by throwing
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.run = false;
    parsed.exit_code = app.exit(error) == 0 ? 0 : 2;
    return parsed;
  }
  const absl::Status log = telemetry::ParseLogOptions(log_format, log_level, &flags.log);
  if (!log.ok()) return wrong(log.message());
  flags.log.process = program;
  if (flags.has_gpu && app.count("--devices") == 0) flags.devices = VisibleGpus();
  if (flags.coordinator.empty() && flags.listen.empty()) {
    return wrong("nothing to do: give --coordinator, --listen or both");
  }
  if (!flags.coordinator.empty() && flags.artifacts.empty()) {
    return wrong("--coordinator needs --artifacts, the store that its tasks share");
  }
  return parsed;
}

}  // namespace foundry::worker
