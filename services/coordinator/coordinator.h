// One coordinator: the store and everything around it, served over gRPC.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/frame.h"
#include "common/rpc/server.h"
#include "common/telemetry/metrics.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

struct CoordinatorOptions {
  std::string database;   // libpq connection string
  std::string artifacts;  // the artifact store's root; empty: outputs are not exported
  rpc::ServerOptions server;
  std::string token;     // asked of every caller; empty: none
  int connections = 16;  // to the database
  // Calls under way at once: nearly all of them open WatchJob streams and waiting workers.
  int max_calls = 16'384;
  absl::Duration lease = absl::Seconds(30);
  bool durable_leases = false;  // see StoreOptions
  // Events and metrics of jobs that were made longer ago are dropped, by the week.
  absl::Duration history = absl::Hours(24 * 90);
};

class Coordinator {
 public:
  // Serves when it returns. `metrics` must outlive it.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Start(const CoordinatorOptions& options,
                                                            telemetry::Metrics* metrics);
  ~Coordinator();
  Coordinator(const Coordinator&) = delete;

  const std::string& address() const;
  // NOT_SERVING, then the calls under way end, long polls at once; see rpc::Server::Shutdown.
  void Shutdown(absl::Duration grace);

 private:
  struct Parts;
  explicit Coordinator(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace foundry::coordinator
