// Keepalive of clients and servers. One header for both: settings that disagree end in GOAWAY
// "too_many_pings" (grpc#9902).
#pragma once

namespace foundry::rpc {

// A client pings a silent connection this often …
inline constexpr int kClientPingMillis = 4'000;
// … and gives it up when no answer comes in this time; servers do the same to their clients. So a
// connection whose other end is gone without a word is replaced within ten seconds.
inline constexpr int kPingTimeoutMillis = 6'000;
// Servers ping silent clients, so that the calls of a vanished one end.
inline constexpr int kServerPingMillis = 10'000;
// A server closes connections that ping more often; well below kClientPingMillis. (A client that
// meets an older server's 10 s is told so, and doubles its own time until it fits.)
inline constexpr int kLeastPingMillis = 2'000;

}  // namespace foundry::rpc
