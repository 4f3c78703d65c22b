// What a server says of its health.
#pragma once

#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"

namespace foundry::testing {

// SERVING (1), NOT_SERVING (2), … by grpc.health.v1.Health/Check; -1: no answer.
inline int Health(const rpc::Channel& channel) {
  grpc::ClientContext context;
  channel.Prepare(absl::Seconds(30), &context);
  grpc::Slice empty("", 0);
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel.grpc_channel());
  auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check",
                                    grpc::ByteBuffer(&empty, 1), &queue);
  grpc::ByteBuffer response;
  grpc::Status status;
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  grpc::Slice slice;
  if (!status.ok() || !response.DumpToSingleSlice(&slice).ok() || slice.size() != 2) return -1;
  return slice.begin()[1];  // field 1, varint
}

}  // namespace foundry::testing
