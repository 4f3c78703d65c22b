#include "common/rpc/middleware/log/log.h"

#include "absl/strings/str_cat.h"
#include "common/base/steady_time.h"
#include "common/telemetry/log.h"

namespace foundry::rpc {
namespace {

telemetry::LogLevel LevelOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kCancelled:         // the client went away
    case absl::StatusCode::kDeadlineExceeded:  // long polls end so
      return telemetry::LogLevel::kDebug;
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return telemetry::LogLevel::kError;
    default:
      return telemetry::LogLevel::kWarning;
  }
}

}  // namespace

void LogMiddleware::Leave(const Call& call, const absl::Status& status) {
  telemetry::LogFields fields = {
      {"method", absl::StrCat(call.service, "/", call.method)},
      {"code", absl::StatusCodeToString(status.code())},
      {"peer", call.peer},
      {"seconds", absl::StrCat(absl::ToDoubleSeconds(SteadyNow() - call.start))}};
  if (!status.ok()) fields.emplace_back("error", std::string(status.message()));
  telemetry::Log(LevelOf(status), "rpc", fields);
}

}  // namespace foundry::rpc
