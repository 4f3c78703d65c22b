#include "common/rpc/status.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/text/utf8.h"
#include "foundry/common/v1/error.pb.h"

namespace foundry::rpc {
namespace {

constexpr size_t kMostMessage = 2'200;  // bytes
constexpr size_t kMostFields = 1'000;   // of all field violations
constexpr char kTypes[] = "type.googleapis.com/google.rpc.";

void AddDetail(const google::protobuf::Message& detail, common::v1::RpcStatus* status) {
  google::protobuf::Any* any = status->add_details();
  any->set_type_url(absl::StrCat(kTypes, detail.GetDescriptor()->name()));
  any->set_value(detail.SerializeAsString());
}

// Text for a status: UTF-8, and short. A status travels in the trailing metadata, of which gRPC
// takes 8 KiB in all, the message percent-encoded and once more in the details.
std::string Bounded(absl::string_view given, size_t bytes) {
  const std::string valid = text::RepairUtf8(given);
  const bool ascii = std::all_of(valid.begin(), valid.end(), absl::ascii_isascii);
  const absl::string_view kept = text::Utf8Prefix(valid, ascii ? bytes : bytes / 2);
  return absl::StrCat(kept, kept.size() < valid.size() ? " …" : "");
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
  const std::string message = Bounded(status.message(), kMostMessage);
  details.set_message(message);

  common::v1::ErrorInfo info;
  const std::string reason = ReasonOf(status);
  info.set_reason(reason.empty() ? absl::StatusCodeToString(status.code()) : reason);
  info.set_domain("foundry");
  AddDetail(info, &details);

  common::v1::BadRequest bad;
  size_t bytes = 0;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    bytes += violation.field.size() + violation.description.size();
    if (bytes > kMostFields && bad.field_violations_size() > 0) break;
    auto* field = bad.add_field_violations();
    field->set_field(Bounded(violation.field, kMostFields / 4));
    field->set_description(Bounded(violation.description, kMostFields));
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
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
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
