#include "common/testing/fault_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/files.h"
#include "gtest/gtest.h"

namespace foundry::testing {
namespace {

constexpr int kSoonMillis = 10'000;
constexpr int kAMomentMillis = 100;

// One end of a connection. Closes itself.
class End {
 public:
  explicit End(int fd) : fd_(fd) {}
  ~End() { Close(); }
  End(const End&) = delete;
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  bool Send(const std::string& text) {
    return send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // What comes, "(end)" when the other side is gone, "(nothing)" when nothing comes.
  std::string Receive(int millis = kSoonMillis) {
    pollfd wait = {fd_, POLLIN, 0};
    if (poll(&wait, 1, millis) <= 0) return "(nothing)";
    char text[1 << 16];
    const ssize_t got = recv(fd_, text, sizeof(text), 0);
    return got <= 0 ? "(end)" : std::string(text, static_cast<size_t>(got));
  }

 private:
  int fd_;
};

// A server that the test drives by hand, behind a proxy; over TCP or Unix sockets.
class FaultProxyTest : public ::testing::TestWithParam<bool> {
 protected:
  FaultProxyTest() {
    const bool tcp = GetParam();
    const std::string server = absl::StrCat("unix:", (folder_.path() / "server").string());
    sockaddr_un address = {AF_UNIX, {}};
    strncpy(address.sun_path, server.c_str() + 5, sizeof(address.sun_path) - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    proxy_ = std::make_unique<FaultProxy>(
        tcp ? "127.0.0.1:0" : absl::StrCat("unix:", (folder_.path() / "proxy").string()), server);
  }
  ~FaultProxyTest() override { close(listener_); }

  std::unique_ptr<End> NewClient() {
    const std::string& where = proxy_->address();
    int fd = -1, result = -1;
    if (GetParam()) {
      int port = 0;
      EXPECT_TRUE(absl::SimpleAtoi(where.substr(where.rfind(':') + 1), &port));
      sockaddr_in address = {};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address.sin_port = htons(static_cast<uint16_t>(port));
      fd = socket(AF_INET, SOCK_STREAM, 0);
      result = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    } else {
      sockaddr_un address = {AF_UNIX, {}};
      strncpy(address.sun_path, where.c_str() + 5, sizeof(address.sun_path) - 1);
      fd = socket(AF_UNIX, SOCK_STREAM, 0);
      result = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    }
    EXPECT_EQ(result, 0) << where;
    return std::make_unique<End>(fd);
  }
  std::unique_ptr<End> NewServer() {
    pollfd wait = {listener_, POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, kSoonMillis), 1);
    return std::make_unique<End>(accept(listener_, nullptr, nullptr));
  }
  void ExpectTalking(End& client, End& server) {
    ASSERT_TRUE(client.Send("question"));
    ASSERT_EQ(server.Receive(), "question");
    ASSERT_TRUE(server.Send("answer"));
    ASSERT_EQ(client.Receive(), "answer");
  }
  // A connection made now works.
  void ExpectNewOnesPass() {
    auto client = NewClient();
    auto server = NewServer();
    ExpectTalking(*client, *server);
  }

  TempFolder folder_ = *TempFolder::Make();
  int listener_ = -1;
  std::unique_ptr<FaultProxy> proxy_;
};

INSTANTIATE_TEST_SUITE_P(Sockets, FaultProxyTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "tcp" : "unix_socket"; });

TEST_P(FaultProxyTest, PassesBytesAndEnds) {
  auto client = NewClient();
  auto server = NewServer();
  ExpectTalking(*client, *server);
  EXPECT_EQ(proxy_->connections(), 1);
  EXPECT_EQ(proxy_->bytes(), 14);
  const std::string large(1 << 22, 'x');
  std::thread sender([&] { EXPECT_TRUE(client->Send(large)); });
  size_t received = 0;
  while (received < large.size()) received += server->Receive().size();
  EXPECT_EQ(received, large.size());
  sender.join();
  client->Close();
  EXPECT_EQ(server->Receive(), "(end)");
}

TEST_P(FaultProxyTest, Delays) {
  auto client = NewClient();
  auto server = NewServer();
  proxy_->SetDelay(absl::Milliseconds(150));
  const absl::Time start = absl::Now();
  ExpectTalking(*client, *server);
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(300));
}

TEST_P(FaultProxyTest, Cuts) {
  auto client = NewClient();
  auto server = NewServer();
  ExpectTalking(*client, *server);
  proxy_->Cut();
  EXPECT_EQ(client->Receive(), "(end)");
  EXPECT_EQ(server->Receive(), "(end)");
  ExpectNewOnesPass();
}

TEST_P(FaultProxyTest, Refuses) {
  auto client = NewClient();
  auto server = NewServer();
  proxy_->SetRefusing(true);
  EXPECT_EQ(client->Receive(), "(end)");
  EXPECT_EQ(NewClient()->Receive(), "(end)");
  proxy_->SetRefusing(false);
  ExpectNewOnesPass();
}

TEST_P(FaultProxyTest, AHoleSwallowsUntilItHeals) {
  auto client = NewClient();
  auto server = NewServer();
  ExpectTalking(*client, *server);
  proxy_->SetHole(true);
  ASSERT_TRUE(client->Send("into the hole"));
  EXPECT_EQ(server->Receive(kAMomentMillis), "(nothing)");
  auto late = NewClient();
  ASSERT_TRUE(late->Send("late"));
  EXPECT_EQ(late->Receive(kAMomentMillis), "(nothing)");
  proxy_->SetHole(false);
  EXPECT_EQ(server->Receive(), "into the hole");
  EXPECT_EQ(NewServer()->Receive(), "late");
}

TEST_P(FaultProxyTest, ForgetsOneSide) {
  auto client = NewClient();
  auto server = NewServer();
  ExpectTalking(*client, *server);
  proxy_->Forget();
  EXPECT_EQ(server->Receive(), "(end)");
  EXPECT_EQ(client->Receive(kAMomentMillis), "(nothing)");
  EXPECT_TRUE(client->Send("is anybody there"));
  EXPECT_EQ(client->Receive(kAMomentMillis), "(nothing)");
  ExpectNewOnesPass();
}

}  // namespace
}  // namespace foundry::testing
