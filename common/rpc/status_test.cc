#include "common/rpc/status.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "foundry/common/v1/error.pb.h"
#include "gtest/gtest.h"

namespace foundry::rpc {
namespace {

TEST(Status, EveryCodeGoesThereAndBack) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), code == 0 ? "" : "m");
    const grpc::Status grpc = ToGrpc(status);
    EXPECT_EQ(grpc.error_code(), code);
    EXPECT_EQ(FromGrpc(grpc).code(), status.code());
    EXPECT_EQ(FromGrpc(grpc).message(), status.message());
  }
}

TEST(Status, DetailsGoThereAndBack) {
  absl::Status status = WithReason(absl::FailedPreconditionError("stale"), "STALE_LEASE");
  status = WithFieldViolation(status, "distillation.epochs", "must be at least 1");
  status = WithFieldViolation(status, "seed", "");
  status = WithRetryAfter(status, absl::Milliseconds(1500));
  const absl::Status back = FromGrpc(ToGrpc(status));
  EXPECT_EQ(ReasonOf(back), "STALE_LEASE");
  ASSERT_EQ(FieldViolationsOf(back).size(), 2u);
  EXPECT_EQ(FieldViolationsOf(back)[0].field, "distillation.epochs");
  EXPECT_EQ(FieldViolationsOf(back)[0].description, "must be at least 1");
  EXPECT_EQ(*RetryAfterOf(back), absl::Milliseconds(1500));
}

TEST(Status, DetailsCarryGooglesTypeAddresses) {
  common::v1::RpcStatus details;
  ASSERT_TRUE(details.ParseFromString(ToGrpc(absl::NotFoundError("x")).error_details()));
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  common::v1::ErrorInfo info;
  ASSERT_TRUE(info.ParseFromString(details.details(0).value()));
  EXPECT_EQ(info.reason(), "NOT_FOUND");
  EXPECT_EQ(info.domain(), "foundry");
}

// gRPC refuses trailing metadata of more than 8 KiB, and the caller would learn that instead.
TEST(Status, LongTextsAreCut) {
  for (const std::string& letter : std::vector<std::string>{"x", "é", "\xff"}) {
    std::string text;
    while (text.size() < 50'000) text += letter;
    absl::Status status = absl::InvalidArgumentError(text);
    for (int i = 0; i < 40; ++i) status = WithFieldViolation(status, absl::StrCat("f", i), text);
    const grpc::Status grpc = ToGrpc(WithReason(status, "WRONG"));
    size_t sent = grpc.error_details().size() * 4 / 3;  // base64
    for (const char c : grpc.error_message()) sent += absl::ascii_isprint(c) ? 1 : 3;
    EXPECT_LT(sent, 8'000u);
    const absl::Status back = FromGrpc(grpc);
    EXPECT_EQ(ReasonOf(back), "WRONG");
    EXPECT_GE(FieldViolationsOf(back).size(), 1u);
    EXPECT_GT(back.message().size(), 500u);
  }
}

TEST(Status, ForeignErrorsKeepCodeAndMessage) {
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"));
  EXPECT_EQ(status, absl::UnavailableError("gone"));
}

}  // namespace
}  // namespace foundry::rpc
