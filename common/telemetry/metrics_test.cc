#include "common/telemetry/metrics.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::telemetry {
namespace {

using ::testing::HasSubstr;

std::string Get(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    (void)!write(fd, request.data(), request.size());
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) answer.append(buffer, n);
  }
  close(fd);
  return answer;
}

TEST(Metrics, AddUpUnderTheirLabels) {
  Metrics metrics;
  metrics.Count("c_total", "help", {{"stage", "a"}});
  metrics.Count("c_total", "help", {{"stage", "a"}}, 2);
  metrics.Count("c_total", "help", {{"stage", "b"}});
  metrics.Set("g", "help", {}, 4);
  metrics.Move("g", "help", {}, -1);
  metrics.ObserveSeconds("h_seconds", "help", {}, 0.02);
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("c_total{stage=\"a\"} 3"));
  EXPECT_THAT(text, HasSubstr("c_total{stage=\"b\"} 1"));
  EXPECT_THAT(text, HasSubstr("\ng 3"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"0.025\"} 1"));
}

TEST(Metrics, AreServedOverHttp) {
  Metrics metrics;
  metrics.Count("c_total", "help");
  const auto server = MetricsServer::Start("127.0.0.1:0", &metrics);
  ASSERT_TRUE(server.ok()) << server.status();
  const int port = std::stoi((*server)->address().substr((*server)->address().rfind(':') + 1));
  EXPECT_NE(port, 0);
  EXPECT_THAT(Get(port, "/metrics"), HasSubstr("c_total 1"));
  EXPECT_FALSE(MetricsServer::Start((*server)->address(), &metrics).ok()) << "the port is taken";
}

}  // namespace
}  // namespace foundry::telemetry
