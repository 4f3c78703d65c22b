#include "common/rpc/server.h"

#include <sys/stat.h>

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/rpc/keepalive.h"
#include "grpcpp/health_check_service_interface.h"

namespace foundry::rpc {
namespace {

constexpr int kMaxStreamsPerConnection = 256;
constexpr size_t kMaxSocketPath = 107;  // sockaddr_un
constexpr absl::Duration kCancelGrace = absl::Seconds(10);

bool IsUnix(const std::string& address) { return absl::StartsWith(address, "unix:"); }

bool IsLoopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  return absl::StartsWith(host, "127.") || host == "localhost" || host == "[::1]";
}

absl::Status CheckOptions(const ServerOptions& options, bool has_token) {
  const bool tls = !options.tls_cert_file.empty();
  if (tls != !options.tls_key_file.empty()) {
    return absl::InvalidArgumentError("TLS needs both a certificate and a key file");
  }
  if (!tls && !options.tls_client_ca_file.empty()) {
    return absl::InvalidArgumentError(
        "a client CA checks nobody without TLS: give a certificate and a key file too");
  }
  if (IsUnix(options.listen)) {
    if (tls) return absl::InvalidArgumentError("TLS does not go with a Unix socket");
    if (options.listen.size() - 5 > kMaxSocketPath) {
      return absl::InvalidArgumentError(absl::StrCat(
          options.listen, ": a socket path may have at most ", kMaxSocketPath, " bytes"));
    }
    return absl::OkStatus();
  }
  if (options.listen.rfind(':') == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot listen on \"", options.listen, "\": give unix:/path or host:port"));
  }
  if (options.insecure) return absl::OkStatus();
  if (!has_token) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.listen,
                     ": a TCP address needs a token (and TLS unless it is loopback); use a Unix "
                     "socket, or say --insecure"));
  }
  if (!tls && !IsLoopback(options.listen)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.listen, ": an address other than loopback needs TLS, or --insecure"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials(const ServerOptions& options) {
  if (options.tls_cert_file.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions ssl;
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  FOUNDRY_ASSIGN_OR_RETURN(pair.cert_chain, ReadFile(options.tls_cert_file));
  FOUNDRY_ASSIGN_OR_RETURN(pair.private_key, ReadFile(options.tls_key_file));
  ssl.pem_key_cert_pairs.push_back(std::move(pair));
  if (!options.tls_client_ca_file.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadFile(options.tls_client_ca_file));
    ssl.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(ssl);
}

// Makes a Unix socket unreachable for others from its first moment. The mask is the process's, so
// servers start before threads that make files.
class PrivateFiles {
 public:
  PrivateFiles() : before_(umask(0177)) {}
  ~PrivateFiles() { umask(before_); }

 private:
  const mode_t before_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services,
                                                      Frame* frame) {
  FOUNDRY_RETURN_IF_ERROR(CheckOptions(options, frame->has_token()));
  FOUNDRY_ASSIGN_OR_RETURN(auto credentials, Credentials(options));
  grpc::EnableDefaultHealthCheckService(true);

  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, std::move(credentials), &port);
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(options.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kServerPingMillis);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMillis);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kLeastPingMillis);
  for (grpc::Service* service : services) builder.RegisterService(service);

  std::unique_ptr<Server> server(new Server);
  server->frame_ = frame;
  {
    const PrivateFiles while_binding;
    server->server_ = builder.BuildAndStart();
  }
  if (server->server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options.listen));
  }
  server->address_ =
      IsUnix(options.listen)
          ? options.listen
          : absl::StrCat(options.listen.substr(0, options.listen.rfind(':')), ":", port);
  server->SetServing(true);
  return server;
}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

void Server::SetServing(bool serving) {
  if (auto* health = server_->GetHealthCheckService()) health->SetServingStatus(serving);
}

void Server::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  SetServing(false);
  frame_->StopAccepting();
  // Handlers never stop by themselves (grpc#10324): when the time is over, tell them.
  if (!frame_->WaitUntilIdle(SteadyNow() + grace)) {
    frame_->CancelCalls("the server is shutting down");
    frame_->WaitUntilIdle(SteadyNow() + kCancelGrace);
  }
  // No call is left to wait for, and a client that is slow to close its connection is not waited
  // for either.
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

}  // namespace foundry::rpc
