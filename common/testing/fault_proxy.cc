#include "common/testing/fault_proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace foundry::testing {
namespace {

constexpr size_t kMostWaiting = 64;  // chunks; then the sender is held back
constexpr size_t kChunk = 64 << 10;

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address Parse(const std::string& text) {
  Address address;
  if (absl::StartsWith(text, "unix:")) {
    auto* unix_address = reinterpret_cast<sockaddr_un*>(&address.storage);
    unix_address->sun_family = AF_UNIX;
    strncpy(unix_address->sun_path, text.c_str() + 5, sizeof(unix_address->sun_path) - 1);
    address.size = sizeof(sockaddr_un);
  } else {
    auto* inet_address = reinterpret_cast<sockaddr_in*>(&address.storage);
    int port = 0;
    (void)absl::SimpleAtoi(text.substr(text.rfind(':') + 1), &port);
    inet_address->sin_family = AF_INET;
    inet_address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    inet_address->sin_port = htons(static_cast<uint16_t>(port));
    address.size = sizeof(sockaddr_in);
  }
  return address;
}

int NewSocket(Address& address, int flags) {
  return socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
}

void SetNonBlocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

FaultProxy::FaultProxy(std::string listen_address, std::string target)
    : target_(std::move(target)), event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const bool is_unix = absl::StartsWith(listen_address, "unix:");
  if (is_unix) unlink(listen_address.c_str() + 5);
  Address address = Parse(listen_address);
  listener_ = NewSocket(address, SOCK_NONBLOCK);
  if (bind(listener_, address.get(), address.size) != 0 || listen(listener_, 256) != 0) {
    fprintf(stderr, "the fault proxy cannot listen on %s: %s\n", listen_address.c_str(),
            strerror(errno));
    abort();
  }
  address_ = listen_address;
  if (!is_unix) {
    getsockname(listener_, address.get(), &address.size);
    address_ = absl::StrCat("127.0.0.1:",
                            ntohs(reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port));
  }
  thread_ = std::thread([this] { Run(); });
}

FaultProxy::~FaultProxy() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Nudge();
  thread_.join();
  for (Connection& connection : links_) Close(connection, true);
  close(listener_);
  close(event_fd_);
}

void FaultProxy::Nudge() {
  const uint64_t one = 1;
  (void)!write(event_fd_, &one, sizeof(one));
}

void FaultProxy::SetDelay(absl::Duration delay) {
  std::lock_guard lock(mutex_);
  delay_ = delay;
}

void FaultProxy::Cut() {
  std::lock_guard lock(mutex_);
  for (Connection& connection : links_) Close(connection, true);
  links_.clear();
  Nudge();
}

void FaultProxy::SetRefusing(bool refusing) {
  {
    std::lock_guard lock(mutex_);
    refusing_ = refusing;
  }
  if (refusing) Cut();
}

void FaultProxy::SetHole(bool hole) {
  std::lock_guard lock(mutex_);
  hole_ = hole;
  Nudge();
}

void FaultProxy::Forget() {
  std::lock_guard lock(mutex_);
  for (Connection& connection : links_) {
    if (connection.target < 0) continue;
    close(connection.target);
    connection.target = -1;
    connection.up = connection.down = {};
    --connections_;
  }
  Nudge();
}

void FaultProxy::Close(Connection& connection, bool reset) {
  if (connection.target >= 0) --connections_;
  for (int fd : {connection.client, connection.target}) {
    if (fd < 0) continue;
    const linger now = {1, 0};
    if (reset) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
  }
  connection.client = connection.target = -1;
}

void FaultProxy::Run() {
  for (;;) {
    std::vector<pollfd> waits = {{event_fd_, POLLIN, 0}};
    absl::Time next = absl::InfiniteFuture();
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (!hole_) {
        Accept();
        for (auto at = links_.begin(); at != links_.end();) {
          if (Move(*at)) {
            ++at;
          } else {
            Close(*at, false);
            at = links_.erase(at);
          }
        }
        waits.push_back({listener_, POLLIN, 0});
        const absl::Time now = absl::Now();
        const auto wait_for = [&](int from, int to, const Flow& flow) {
          if (!flow.ended && flow.chunks.size() < kMostWaiting) waits.push_back({from, POLLIN, 0});
          if (flow.chunks.empty()) return;
          next = std::min(next, flow.chunks.front().due);
          if (flow.chunks.front().due <= now) waits.push_back({to, POLLOUT, 0});
        };
        for (const Connection& link : links_) {
          if (link.target < 0) continue;
          wait_for(link.client, link.target, link.up);
          wait_for(link.target, link.client, link.down);
        }
      }
    }
    // A chunk that is due but cannot be written waits for POLLOUT, not for the clock.
    const absl::Duration left = next - absl::Now();
    const int millis = left > absl::ZeroDuration() && next != absl::InfiniteFuture()
                           ? static_cast<int>(absl::ToInt64Milliseconds(left)) + 1
                           : -1;
    poll(waits.data(), waits.size(), millis);
    uint64_t count = 0;
    (void)!read(event_fd_, &count, sizeof(count));
  }
}

void FaultProxy::Accept() {
  for (;;) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    Connection connection;
    connection.client = client;
    Address address = Parse(target_);
    const int target = NewSocket(address, 0);
    // Both ends are on this machine: connecting does not take long.
    if (refusing_ || connect(target, address.get(), address.size) != 0) {
      close(target);
      Close(connection, true);
      continue;
    }
    SetNonBlocking(target);
    connection.target = target;
    ++connections_;
    links_.push_back(std::move(connection));
  }
}

bool FaultProxy::Move(Connection& connection) {
  if (connection.target < 0) {
    // Half-open: the client talks into the void until it gives up.
    char byte;
    const ssize_t got = recv(connection.client, &byte, 1, MSG_PEEK);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
  }
  return Read(connection.client, connection.up) && Read(connection.target, connection.down) &&
         Write(connection.target, connection.up) && Write(connection.client, connection.down);
}

bool FaultProxy::Read(int from, Flow& flow) {
  while (!flow.ended && flow.chunks.size() < kMostWaiting) {
    std::string data(kChunk, '\0');
    const ssize_t got = recv(from, data.data(), data.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    flow.ended = got == 0;
    data.resize(static_cast<size_t>(got));
    flow.chunks.push_back({absl::Now() + delay_, std::move(data)});
  }
  return true;
}

bool FaultProxy::Write(int to, Flow& flow) {
  while (!flow.chunks.empty() && flow.chunks.front().due <= absl::Now()) {
    std::string& data = flow.chunks.front().data;
    if (data.empty()) return false;  // the end, after everything before it
    // Counted before they go: whoever has received them finds them counted.
    const auto offered = static_cast<int64_t>(data.size());
    bytes_ += offered;
    const ssize_t sent = send(to, data.data(), data.size(), MSG_NOSIGNAL);
    bytes_ -= offered - std::max<ssize_t>(sent, 0);
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    data.erase(0, static_cast<size_t>(sent));
    if (data.empty()) flow.chunks.pop_front();
  }
  return true;
}

}  // namespace foundry::testing
