// The flags that stage processes share.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/telemetry/log.h"

namespace foundry::worker {

struct ProcessFlags {
  std::vector<std::string> stages;
  std::string coordinator;     // empty: no task door
  std::string listen;          // empty: no RPC door
  std::string artifacts;       // the artifact store
  std::string work_dir;        // local files
  std::string metrics_listen;  // host of /metrics
  int metrics_port = 0;        // 0: a free one; -1: none
  int slots = 1;               // tasks, and direct calls, that run at once
  bool has_gpu = false;
  int devices = 0;  // ranks of a training at once; 0: any number
  std::string rank_address = "127.0.0.1";
  int state_seconds = 300;
  telemetry::LogOptions log;
  // Security of the own server and of the way to the coordinator; tokens are references.
  std::string token;
  std::string tls_cert, tls_key, tls_client_ca;
  bool insecure = false;
  std::string coordinator_token;
  std::string coordinator_ca;
};

struct ParsedFlags {
  ProcessFlags flags;
  bool run = true;    // false: --help or a wrong flag, already answered on the terminal
  int exit_code = 0;  // then this ends the program
};

// `known` are the stages of this program; --stages exists when there are several.
ParsedFlags ParseProcessFlags(int argc, char** argv, const std::string& program,
                              const std::vector<std::string>& known);

}  // namespace foundry::worker
