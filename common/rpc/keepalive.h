// Keepalive of clients and servers. One header for both: settings that disagree end in GOAWAY
// "too_many_pings" (grpc#9902).
#pragma once

namespace foundry::rpc {

// A client pings a silent connection this often …
inline constexpr int kClientPingMillis = 20'000;
// … and gives it up when no answer comes in this time; servers do the same to their clients.
inline constexpr int kPingTimeoutMillis = 10'000;
// Servers ping silent clients, so that the calls of a vanished one end.
inline constexpr int kServerPingMillis = 30'000;
// A server closes connections that ping more often; well below kClientPingMillis.
inline constexpr int kLeastPingMillis = 10'000;

}  // namespace foundry::rpc
