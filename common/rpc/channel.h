// A client's way to a server: credentials, keepalive, deadlines, the bearer token.
//
//   FOUNDRY_ASSIGN_OR_RETURN(auto channel, rpc::Channel::Open({.address = "unix:/run/f.sock"}));
//   auto stub = JobsService::NewStub(channel->grpc_channel());
//   FOUNDRY_RETURN_IF_ERROR(channel->Invoke(absl::Seconds(5), [&](grpc::ClientContext* context) {
//     return stub->GetJob(context, request, &response);
//   }));
//
// Owned by main or by what main owns, never global (grpc#30151). Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "common/rpc/status.h"
#include "grpcpp/grpcpp.h"

namespace foundry::rpc {

struct ChannelOptions {
  std::string address;      // unix:/path or host:port
  std::string tls_ca_file;  // PEM; set: speak TLS and trust this CA
  std::string
      tls_cert_file;  // the client's own certificate and key, where the server asks for them
  std::string tls_key_file;
  std::string token;  // bearer token sent with every call; the secret itself
  int max_message_bytes = 16 << 20;
};

class Channel {
 public:
  // Connects lazily: an unreachable server shows in the first call.
  static absl::StatusOr<std::unique_ptr<Channel>> Open(const ChannelOptions& options);

  const std::shared_ptr<grpc::Channel>& grpc_channel() const { return channel_; }
  const std::string& address() const { return address_; }

  // Sets the deadline and the token of a call.
  void Prepare(absl::Duration timeout, grpc::ClientContext* context) const;

  // A blocking unary call: `call` gets the prepared context and returns gRPC's status.
  template <typename F>
  absl::Status Invoke(absl::Duration timeout, F&& call) const {
    grpc::ClientContext context;
    Prepare(timeout, &context);
    return FromGrpc(std::forward<F>(call)(&context));
  }

  // True once the server answers, at most until `timeout`.
  bool WaitUntilConnected(absl::Duration timeout) const;

  // The pause before a failed call is tried again: over after `longest`, as soon as a lost
  // connection stands again, or when `cancel` is cancelled (then true). Sleeping instead would keep
  // a restarted server waiting: gRPC moves a connection along only while somebody waits in one of
  // its blocking calls, and looks every five seconds otherwise (its backup poller).
  bool Pause(absl::Duration longest, const CancelToken& cancel) const;

 private:
  Channel() = default;
  std::shared_ptr<grpc::Channel> channel_;
  std::string address_;
  std::string authorization_;
};

}  // namespace foundry::rpc
