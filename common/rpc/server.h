// A gRPC server: address, TLS, health, limits on messages, keepalive, graceful end.
//
//   rpc::Frame frame({.token = token}, &metrics);
//   JobsService jobs(&frame, …);
//   FOUNDRY_ASSIGN_OR_RETURN(auto server, rpc::Server::Start({.listen = "unix:/run/f.sock"},
//                                                            {&jobs}, &frame));
//   …
//   server->Shutdown(absl::Seconds(20));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/frame.h"
#include "grpcpp/grpcpp.h"

namespace foundry::rpc {

struct ServerOptions {
  // unix:/path (mode 0600, at most 107 bytes) or host:port; port 0 takes a free one.
  std::string listen;
  // PEM files; both or neither. With a client CA, clients must show a certificate of it.
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_client_ca_file;
  // Lets a TCP address go without TLS, or without a token on loopback. Otherwise refused.
  bool insecure = false;
  int max_message_bytes = 16 << 20;
};

class Server {
 public:
  // Serves when it returns; health says SERVING. `services` and `frame` must outlive the server.
  // InvalidArgument for options that do not go together, Unavailable when the address cannot be
  // bound.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services,
                                                       Frame* frame);
  ~Server();

  // Clients reach it here: unix:/path, or host:port with the port that was bound.
  const std::string& address() const { return address_; }

  // What health says from now on.
  void SetServing(bool serving);

  // NOT_SERVING, no new calls; those under way may end until `grace` is over, then they are
  // cancelled. Returns when all have ended. Not from a signal handler. Later calls do nothing.
  void Shutdown(absl::Duration grace);

 private:
  Server() = default;
  std::unique_ptr<grpc::Server> server_;
  Frame* frame_ = nullptr;
  std::string address_;
};

}  // namespace foundry::rpc
