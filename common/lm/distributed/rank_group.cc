// The one file that sees Gloo: Debian's headers of it are older than the Gloo inside libtorch, so
// nothing of it may be instantiated elsewhere.
#include "common/lm/distributed/rank_group.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace foundry::lm {
namespace {

// Whatever goes wrong between ranks ends the group.
template <typename F>
absl::Status GuardGroup(const std::string& what, F f) {
  try {
    f();
    return absl::OkStatus();
  } catch (const c10::Error& error) {
    return absl::UnavailableError(absl::StrCat(what, ": ", error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat(what, ": ", error.what()));
  }
}

// Gloo and the store write to sockets whose other end may have gone: an error, not this process's
// end. A handler that the program has set stays.
void IgnoreBrokenPipes() {
  struct sigaction action;
  if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    signal(SIGPIPE, SIG_IGN);
  }
}

struct Listener {
  int fd = -1;  // taken over by the store
  uint16_t port = 0;
};

// A socket on a free port of `host` alone. The store by itself would listen on every address of the
// machine.
absl::StatusOr<Listener> Listen(const std::string& host) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  if (int error = getaddrinfo(host.c_str(), "0", &hints, &found); error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("rank address '", host, "': ", gai_strerror(error)));
  }
  absl::Status status = absl::OkStatus();
  Listener listener;
  listener.fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage bound = {};
  socklen_t length = sizeof(bound);
  if (listener.fd < 0 || bind(listener.fd, found->ai_addr, found->ai_addrlen) != 0 ||
      listen(listener.fd, 128) != 0 ||
      getsockname(listener.fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
    status = absl::ErrnoToStatus(errno, absl::StrCat("cannot listen on ", host));
    if (listener.fd >= 0) close(listener.fd);
  }
  freeaddrinfo(found);
  FOUNDRY_RETURN_IF_ERROR(status);
  const bool v6 = bound.ss_family == AF_INET6;
  listener.port = ntohs(v6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                           : reinterpret_cast<sockaddr_in&>(bound).sin_port);
  return listener;
}

class GlooGroup : public RankGroup {
 public:
  GlooGroup(const RankGroupOptions& options, c10::intrusive_ptr<c10d::Store> store)
      : options_(options), rank_(options.rank), size_(options.size), store_(std::move(store)) {
    auto gloo = c10d::ProcessGroupGloo::Options::create(
        std::chrono::milliseconds(absl::ToInt64Milliseconds(options.timeout)));
    gloo->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(options.host));
    gloo->threads = 1;  // one exchange at a time
    group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, rank_, size_, std::move(gloo));
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  absl::StatusOr<std::unique_ptr<RankGroup>> Split(const std::string& name, int rank,
                                                   int size) override {
    RankGroupOptions options = options_;
    options.rank = rank;
    options.size = size;
    std::unique_ptr<RankGroup> part;
    FOUNDRY_RETURN_IF_ERROR(GuardGroup(absl::StrCat(name, ", ", Name()), [&] {
      part = std::make_unique<GlooGroup>(options,
                                         c10::make_intrusive<c10d::PrefixStore>(name, store_));
    }));
    return part;
  }
  absl::Status Sum(absl::Span<float> values) override { return Reduce(values, at::kFloat); }
  absl::Status Sum(absl::Span<double> values) override { return Reduce(values, at::kDouble); }
  absl::Status Broadcast(absl::Span<float> values) override { return Send(values, at::kFloat); }
  absl::Status Broadcast(absl::Span<double> values) override { return Send(values, at::kDouble); }

 private:
  template <typename T>
  static std::vector<at::Tensor> View(absl::Span<T> values, at::ScalarType type) {
    return {at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, type)};
  }
  std::string Name() const { return absl::StrCat("rank ", rank_, " of ", size_); }

  template <typename T>
  absl::Status Reduce(absl::Span<T> values, at::ScalarType type) {
    return GuardGroup(Name(), [&] {
      std::vector<at::Tensor> tensors = View(values, type);
      group_->allreduce(tensors)->wait();
    });
  }
  template <typename T>
  absl::Status Send(absl::Span<T> values, at::ScalarType type) {
    return GuardGroup(Name(), [&] {
      std::vector<at::Tensor> tensors = View(values, type);
      group_->broadcast(tensors)->wait();
    });
  }

  const RankGroupOptions options_;
  const int rank_, size_;
  c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RankGroup>> RankGroup::Join(
    const RankGroupOptions& options,
    const std::function<void(const std::string& address)>& on_listening) {
  if (options.size < 1 || options.rank < 0 || options.rank >= options.size) {
    return absl::InvalidArgumentError(
        absl::StrCat("rank ", options.rank, " of ", options.size, " ranks"));
  }
  IgnoreBrokenPipes();
  c10d::TCPStoreOptions tcp;
  tcp.timeout = std::chrono::milliseconds(absl::ToInt64Milliseconds(options.timeout));
  tcp.waitWorkers = false;  // the group itself waits for all
  std::string host = options.host;
  if (options.rank == 0) {
    FOUNDRY_ASSIGN_OR_RETURN(const Listener listener, Listen(options.host));
    tcp.isServer = true;
    tcp.port = listener.port;
    tcp.masterListenFd = listener.fd;
  } else {
    const size_t colon = options.rendezvous.rfind(':');
    int port = 0;
    if (colon == std::string::npos ||
        !absl::SimpleAtoi(options.rendezvous.substr(colon + 1), &port) || port < 1 ||
        port > 65535) {
      return absl::InvalidArgumentError(
          absl::StrCat("rendezvous address '", options.rendezvous, "': must be host:port"));
    }
    host = options.rendezvous.substr(0, colon);
    tcp.port = static_cast<uint16_t>(port);
  }
  std::unique_ptr<RankGroup> group;
  FOUNDRY_RETURN_IF_ERROR(
      GuardGroup(absl::StrCat("rank ", options.rank, " of ", options.size), [&] {
        c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(host, tcp);
        if (options.rank == 0 && on_listening) on_listening(absl::StrCat(host, ":", tcp.port));
        group = std::make_unique<GlooGroup>(
            options, c10::make_intrusive<c10d::PrefixStore>(
                         absl::StrCat("generation-", options.generation), std::move(store)));
      }));
  return group;
}

}  // namespace foundry::lm
