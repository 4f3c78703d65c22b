// RPC counters and latencies under the names of go-grpc-prometheus, which dashboards know.
#pragma once

#include "common/rpc/middleware/middleware.h"
#include "common/telemetry/metrics.h"

namespace foundry::rpc {

class MetricsMiddleware : public Middleware {
 public:
  explicit MetricsMiddleware(telemetry::Metrics* metrics) : metrics_(metrics) {}
  absl::Status Enter(Call& call) override;
  void Leave(const Call& call, const absl::Status& status) override;

 private:
  telemetry::Metrics* const metrics_;
};

}  // namespace foundry::rpc
