// The frame of stage processes, as the operating system sees it: flags, health, metrics, drain.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "common/base/files.h"
#include "common/base/json.h"
#include "common/rpc/channel.h"
#include "common/testing/child_process.h"
#include "common/testing/health.h"
#include "foundry/extraction/v1/extraction.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry {
namespace {

using testing::BuiltProgram;
using testing::ChildProcess;
using ::testing::HasSubstr;
using testing::Health;
namespace fs = std::filesystem;

constexpr absl::Duration kSoon = absl::Seconds(30);

class StageProcessTest : public ::testing::Test {
 protected:
  std::string Program() { return BuiltProgram("../tests/waiting_stage"); }
  std::string Path(const std::string& name) { return (folder_.path() / name).string(); }
  std::vector<std::string> Environment() { return {"FOUNDRY_TEST_DIR=" + folder_.path().string()}; }
  std::unique_ptr<ChildProcess> Start(std::vector<std::string> more = {}) {
    std::vector<std::string> argv = {Program(), "--listen=unix:" + Path("s"),
                                     "--work-dir=" + Path("work"), "--log-format=json"};
    argv.insert(argv.end(), more.begin(), more.end());
    auto process = std::make_unique<ChildProcess>(argv, Path("log"), Environment());
    EXPECT_TRUE(process->WaitForLog("\"ready\"", kSoon)) << process->Log();
    channel_ = *rpc::Channel::Open({.address = "unix:" + Path("s")});
    return process;
  }
  // A call that the handler holds until told.
  std::unique_ptr<grpc::ClientReader<extraction::v1::ExtractResponse>> Call(
      grpc::ClientContext* context) {
    channel_->Prepare(absl::Minutes(2), context);
    extraction::v1::ExtractRequest request;
    request.set_output_prefix(Path("out"));
    stub_ = extraction::v1::ExtractionService::NewStub(channel_->grpc_channel());
    auto reader = stub_->Extract(context, request);
    extraction::v1::ExtractResponse begun;
    EXPECT_TRUE(reader->Read(&begun));
    EXPECT_EQ(begun.event().progress().message(), "begun");
    return reader;
  }

  TempFolder folder_ = *TempFolder::Make();
  std::unique_ptr<rpc::Channel> channel_;
  std::unique_ptr<extraction::v1::ExtractionService::Stub> stub_;
};

TEST_F(StageProcessTest, ServesHealthAndDirectCallsAndLogsJson) {
  auto process = Start();
  EXPECT_EQ(Health(*channel_), 1);
  std::ofstream(Path("go")) << "";
  grpc::ClientContext context;
  auto reader = Call(&context);
  extraction::v1::ExtractResponse last;
  while (reader->Read(&last)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(last.event().result().manifest().artifacts(0).name(), "documents.jsonl");
  EXPECT_TRUE(fs::exists(Path("out/documents.jsonl")));
  process->Signal(SIGTERM);
  EXPECT_EQ(process->Wait(kSoon), 0) << process->Log();
  for (const std::string& line : {std::string("ready"), std::string("drained")}) {
    const std::string log = process->Log();
    const size_t at = log.find("\"" + line + "\"");
    ASSERT_NE(at, std::string::npos) << log;
    const size_t begin = log.rfind('\n', at) == std::string::npos ? 0 : log.rfind('\n', at) + 1;
    EXPECT_TRUE(ParseJson(log.substr(begin, log.find('\n', at) - begin), "log").ok());
  }
}

TEST_F(StageProcessTest, ASecondProcessCannotTakeTheWorkFolder) {
  auto process = Start();
  ChildProcess second({Program(), "--listen=unix:" + Path("s2"), "--work-dir=" + Path("work")},
                      Path("log2"), Environment());
  EXPECT_EQ(second.Wait(kSoon), 1);
  EXPECT_THAT(second.Log(), HasSubstr("another process works in this folder"));
}

TEST_F(StageProcessTest, WrongFlagsEndWithTwo) {
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{},
                                             {"--coordinator=unix:/x"},
                                             {"--stages=baking", "--listen=unix:/x"},
                                             {"--nonsense"}}) {
    std::vector<std::string> argv = {Program()};
    argv.insert(argv.end(), flags.begin(), flags.end());
    ChildProcess process(argv, Path("log"), Environment());
    EXPECT_EQ(process.Wait(kSoon), 2) << process.Log();
  }
}

TEST_F(StageProcessTest, CtrlCDuringTheDrainEndsItAtOnce) {
  auto process = Start();
  grpc::ClientContext context;
  auto reader = Call(&context);
  process->Signal(SIGTERM);
  ASSERT_TRUE(process->WaitForLog("draining", kSoon));
  process->Signal(SIGTERM);  // no more than the first one said
  process->Signal(SIGINT);
  EXPECT_EQ(process->Wait(kSoon), 128 + SIGINT);
  EXPECT_FALSE(reader->Finish().ok());
}

TEST_F(StageProcessTest, ADirectCallMayEndDuringTheDrain) {
  auto process = Start();
  grpc::ClientContext context;
  auto reader = Call(&context);
  process->Signal(SIGTERM);
  ASSERT_TRUE(process->WaitForLog("draining", kSoon));
  std::ofstream(Path("go")) << "";
  extraction::v1::ExtractResponse last;
  while (reader->Read(&last)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(last.event().has_result());
  EXPECT_EQ(process->Wait(kSoon), 0) << process->Log();
}

TEST_F(StageProcessTest, ServesMetrics) {
  auto process = Start();
  const std::string log = process->Log();
  const std::string key = "\"metrics\":\"127.0.0.1:";
  const int port = std::atoi(log.c_str() + log.find(key) + key.size());
  ASSERT_GT(port, 0) << log;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
  ASSERT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  char answer[16] = {};
  EXPECT_GT(read(fd, answer, sizeof(answer) - 1), 0);
  close(fd);
  EXPECT_THAT(std::string(answer), HasSubstr("200"));
}

}  // namespace
}  // namespace foundry
