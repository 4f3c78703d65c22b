#include "common/rpc/status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "foundry/common/v1/error.pb.h"

namespace foundry::rpc {
namespace {

constexpr char kTypes[] = "type.googleapis.com/google.rpc.";

void AddDetail(const google::protobuf::Message& detail, common::v1::RpcStatus* status) {
  google::protobuf::Any* any = status->add_details();
  any->set_type_url(absl::StrCat(kTypes, detail.GetDescriptor()->name()));
  any->set_value(detail.SerializeAsString());
}

template <typename Detail>
bool ReadDetail(const google::protobuf::Any& any, Detail* detail) {
  return any.type_url() == absl::StrCat(kTypes, Detail::descriptor()->name()) &&
         detail->ParseFromString(any.value());
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  common::v1::RpcStatus details;
  details.set_code(status.raw_code());
  details.set_message(std::string(status.message()));

  common::v1::ErrorInfo info;
  const std::string reason = ReasonOf(status);
  info.set_reason(reason.empty() ? absl::StatusCodeToString(status.code()) : reason);
  info.set_domain("foundry");
  AddDetail(info, &details);

  common::v1::BadRequest bad;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    auto* field = bad.add_field_violations();
    field->set_field(violation.field);
    field->set_description(violation.description);
  }
  if (bad.field_violations_size() > 0) AddDetail(bad, &details);

  if (const auto delay = RetryAfterOf(status)) {
    common::v1::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(*delay));
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(*delay % absl::Seconds(1))));
    AddDetail(retry, &details);
  }
  // Codes are numbered alike.
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& grpc_status) {
  if (grpc_status.ok()) return absl::OkStatus();
  absl::Status status(static_cast<absl::StatusCode>(grpc_status.error_code()),
                      grpc_status.error_message());
  common::v1::RpcStatus details;
  if (!details.ParseFromString(grpc_status.error_details())) return status;
  for (const google::protobuf::Any& any : details.details()) {
    common::v1::ErrorInfo info;
    common::v1::BadRequest bad;
    common::v1::RetryInfo retry;
    if (ReadDetail(any, &info)) {
      status = WithReason(std::move(status), info.reason());
    } else if (ReadDetail(any, &bad)) {
      for (const auto& field : bad.field_violations()) {
        status = WithFieldViolation(std::move(status), field.field(), field.description());
      }
    } else if (ReadDetail(any, &retry)) {
      status =
          WithRetryAfter(std::move(status), absl::Seconds(retry.retry_delay().seconds()) +
                                                absl::Nanoseconds(retry.retry_delay().nanos()));
    }
  }
  return status;
}

}  // namespace foundry::rpc
