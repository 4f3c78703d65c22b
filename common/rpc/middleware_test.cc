#include "common/base/error_details.h"
#include "common/base/steady_time.h"
#include "common/rpc/middleware/auth/auth.h"
#include "common/rpc/middleware/deadline/deadline.h"
#include "common/rpc/middleware/limits/limits.h"
#include "common/rpc/middleware/metrics/metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::rpc {
namespace {

using ::testing::HasSubstr;

Call CallWith(const std::string& authorization) {
  Call call;
  call.deadline = SteadyNow() + absl::Minutes(1);
  if (!authorization.empty()) call.metadata["authorization"] = authorization;
  return call;
}

TEST(Auth, WantsTheExactToken) {
  AuthMiddleware auth("s3cret");
  for (const char* wrong :
       {"", "s3cret", "Bearer", "Bearer s3cre", "Bearer s3cret ", "bearer s3cret"}) {
    Call call = CallWith(wrong);
    EXPECT_EQ(auth.Enter(call).code(), absl::StatusCode::kUnauthenticated) << wrong;
  }
  Call call = CallWith("Bearer s3cret");
  EXPECT_TRUE(auth.Enter(call).ok());
}

TEST(Auth, WithoutATokenEveryCallPasses) {
  AuthMiddleware auth("");
  Call call = CallWith("");
  EXPECT_TRUE(auth.Enter(call).ok());
}

TEST(Deadline, IsRequiredAndMustLieAhead) {
  DeadlineMiddleware deadline;
  Call call = CallWith("");
  EXPECT_TRUE(deadline.Enter(call).ok());
  call.deadline = absl::InfiniteFuture();
  EXPECT_EQ(ReasonOf(deadline.Enter(call)), "DEADLINE_REQUIRED");
  call.deadline = SteadyNow() - absl::Seconds(1);
  EXPECT_EQ(deadline.Enter(call).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(Limits, HoldInAllAndPerClient) {
  LimitsMiddleware limits({.max_calls = 3, .max_calls_per_peer = 2});
  Call a, b;
  a.peer = "a";
  b.peer = "b";
  EXPECT_TRUE(limits.Enter(a).ok());
  EXPECT_TRUE(limits.Enter(a).ok());
  EXPECT_FALSE(limits.Enter(a).ok());
  EXPECT_TRUE(limits.Enter(b).ok());
  EXPECT_FALSE(limits.Enter(b).ok());
  limits.Leave(a, absl::OkStatus());
  EXPECT_TRUE(limits.Enter(b).ok());
}

TEST(RpcMetrics, UseTheNamesOfGoGrpcPrometheus) {
  telemetry::Metrics metrics;
  MetricsMiddleware middleware(&metrics);
  Call call;
  call.service = "s.v1.S";
  call.method = "M";
  call.type = "unary";
  ASSERT_TRUE(middleware.Enter(call).ok());
  middleware.Leave(call, absl::DeadlineExceededError(""));
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("grpc_server_started_total{grpc_method=\"M\",grpc_service=\"s.v1.S\","
                              "grpc_type=\"unary\"} 1"));
  EXPECT_THAT(text, HasSubstr("grpc_server_handled_total{grpc_code=\"DeadlineExceeded\""));
  EXPECT_THAT(text, HasSubstr("grpc_server_handling_seconds_count{grpc_method=\"M\""));
}

}  // namespace
}  // namespace foundry::rpc
