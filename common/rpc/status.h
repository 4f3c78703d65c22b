// absl::Status ↔ grpc::Status, the one mapper.
//
// Codes map one to one. Details (common/base/error_details.h) go into the binary trailer as
// google.rpc messages; an error without a reason gets its code's name as one. Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace foundry::rpc {

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace foundry::rpc
