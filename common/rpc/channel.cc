#include "common/rpc/channel.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/rpc/keepalive.h"

namespace foundry::rpc {
namespace {

// How soon a pause notices its cancellation.
constexpr absl::Duration kCancelCheck = absl::Milliseconds(50);
// A server that takes connections and drops them again is not hammered.
constexpr absl::Duration kLeastPause = absl::Milliseconds(50);

}  // namespace

absl::StatusOr<std::unique_ptr<Channel>> Channel::Open(const ChannelOptions& options) {
  if (options.address.empty()) return absl::InvalidArgumentError("no address to connect to");
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!options.tls_ca_file.empty()) {
    grpc::SslCredentialsOptions ssl;
    FOUNDRY_ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadFile(options.tls_ca_file));
    if (!options.tls_cert_file.empty()) {
      FOUNDRY_ASSIGN_OR_RETURN(ssl.pem_cert_chain, ReadFile(options.tls_cert_file));
      FOUNDRY_ASSIGN_OR_RETURN(ssl.pem_private_key, ReadFile(options.tls_key_file));
    }
    credentials = grpc::SslCredentials(ssl);
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_message_bytes);
  arguments.SetMaxSendMessageSize(options.max_message_bytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kClientPingMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A restarted server is found again soon; an attempt that nobody answers is given up (the name of
  // this argument misleads: it is the least time that an attempt gets).
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  std::unique_ptr<Channel> channel(new Channel);
  channel->channel_ = grpc::CreateCustomChannel(options.address, credentials, arguments);
  channel->address_ = options.address;
  if (!options.token.empty()) channel->authorization_ = absl::StrCat("Bearer ", options.token);
  return channel;
}

void Channel::Prepare(absl::Duration timeout, grpc::ClientContext* context) const {
  context->set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  if (!authorization_.empty()) context->AddMetadata("authorization", authorization_);
}

bool Channel::WaitUntilConnected(absl::Duration timeout) const {
  return channel_->WaitForConnected(absl::ToChronoTime(absl::Now() + timeout));
}

bool Channel::Pause(absl::Duration longest, const CancelToken& cancel) const {
  const absl::Time start = SteadyNow(), end = start + longest;
  bool was_lost = false;
  while (!cancel.Cancelled()) {
    const absl::Time now = SteadyNow();
    const grpc_connectivity_state state = channel_->GetState(/*try_to_connect=*/true);
    const bool back = was_lost && state == GRPC_CHANNEL_READY && now >= start + kLeastPause;
    if (now >= end || back) return false;
    was_lost |= state != GRPC_CHANNEL_READY;
    channel_->WaitForStateChange(
        state, absl::ToChronoTime(WallFromSteady(std::min(end, now + kCancelCheck))));
  }
  return true;
}

}  // namespace foundry::rpc
