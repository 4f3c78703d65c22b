#include "common/rpc/middleware/metrics/metrics.h"

#include <string>

#include "common/base/steady_time.h"

namespace foundry::rpc {
namespace {

telemetry::Labels LabelsOf(const Call& call) {
  return {{"grpc_type", call.type}, {"grpc_service", call.service}, {"grpc_method", call.method}};
}

// go-grpc-prometheus writes codes in CamelCase: OK, NotFound, DeadlineExceeded.
std::string CodeName(absl::StatusCode code) {
  if (code == absl::StatusCode::kOk) return "OK";
  if (code == absl::StatusCode::kCancelled) return "Canceled";
  std::string name;
  bool upper = true;
  for (const char c : absl::StatusCodeToString(code)) {
    if (c == '_') {
      upper = true;
      continue;
    }
    name += upper ? c : static_cast<char>(c - 'A' + 'a');
    upper = false;
  }
  return name;
}

}  // namespace

absl::Status MetricsMiddleware::Enter(Call& call) {
  metrics_->Count("grpc_server_started_total", "RPCs started on the server.", LabelsOf(call));
  return absl::OkStatus();
}

void MetricsMiddleware::Leave(const Call& call, const absl::Status& status) {
  telemetry::Labels labels = LabelsOf(call);
  metrics_->ObserveSeconds("grpc_server_handling_seconds",
                           "Time that the server spent on RPCs until their end.", labels,
                           absl::ToDoubleSeconds(SteadyNow() - call.start));
  labels["grpc_code"] = CodeName(status.code());
  metrics_->Count("grpc_server_handled_total", "RPCs that ended on the server, by code.", labels);
}

}  // namespace foundry::rpc
