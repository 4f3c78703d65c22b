#include "common/rpc/server.h"

#include <sys/stat.h>

#include <future>
#include <thread>

#include "common/base/error_details.h"
#include "common/base/files.h"
#include "common/rpc/channel.h"
#include "common/testing/certificates.h"
#include "foundry/coordinator/v1/jobs.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::rpc {
namespace {

using ::testing::HasSubstr;
namespace v1 = coordinator::v1;

constexpr char kService[] = "foundry.coordinator.v1.JobsService";

// GetJob answers or blocks until cancelled; WatchJob counts to after_event_id.
class FakeJobs : public v1::JobsService::CallbackService {
 public:
  explicit FakeJobs(Frame* frame) : frame_(frame) {}

  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
                                   const v1::GetJobRequest* request,
                                   v1::GetJobResponse* response) override {
    return frame_->Unary<v1::GetJobRequest, v1::GetJobResponse>(
        context, {kService, "GetJob"}, request, response,
        [this](const v1::GetJobRequest& request, v1::GetJobResponse* response, Call& call) {
          if (request.job_id() == "missing") {
            return WithReason(absl::NotFoundError("no such job"), "JOB_NOT_FOUND");
          }
          if (request.job_id() == "block") {
            entered.set_value();
            while (!call.cancel.WaitFor(absl::Seconds(60))) {
            }
            left.set_value(call.cancel.Check());
            return call.cancel.Check();
          }
          response->mutable_job()->set_job_id(request.job_id());
          return absl::OkStatus();
        });
  }

  grpc::ServerWriteReactor<v1::WatchJobResponse>* WatchJob(
      grpc::CallbackServerContext* context, const v1::WatchJobRequest* request) override {
    return frame_->ServerStream<v1::WatchJobRequest, v1::WatchJobResponse>(
        context, {kService, "WatchJob"}, request,
        [this](const v1::WatchJobRequest& request, StreamWriter<v1::WatchJobResponse>& writer,
               Call& call) {
          for (int64_t i = 1; request.after_event_id() == 0 || i <= request.after_event_id(); ++i) {
            v1::WatchJobResponse response;
            response.mutable_event()->set_event_id(i);
            if (!writer.Write(response)) {
              // A failed write may be seen before the cancellation that caused it.
              call.cancel.WaitFor(absl::Seconds(20));
              left.set_value(call.cancel.Check());
              return absl::CancelledError("client gone");
            }
          }
          return absl::OkStatus();
        });
  }

  std::promise<void> entered;
  std::promise<absl::Status> left;

 private:
  Frame* const frame_;
};

class ServerTest : public ::testing::Test {
 protected:
  void Serve(const ServerOptions& options, const FrameOptions& frame_options = {}) {
    frame_ = std::make_unique<Frame>(frame_options, &metrics_);
    jobs_ = std::make_unique<FakeJobs>(frame_.get());
    auto server = Server::Start(options, {jobs_.get()}, frame_.get());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    Connect(frame_options.token);
  }
  void Connect(const std::string& token) {
    channel_ = *Channel::Open({.address = server_->address(), .token = token});
    stub_ = v1::JobsService::NewStub(channel_->grpc_channel());
  }
  absl::Status Get(const std::string& id, absl::Duration timeout = absl::Seconds(20)) {
    v1::GetJobRequest request;
    request.set_job_id(id);
    return channel_->Invoke(timeout, [&](grpc::ClientContext* context) {
      return stub_->GetJob(context, request, &response_);
    });
  }
  std::string Socket() { return "unix:" + (folder_.path() / "s").string(); }

  TempFolder folder_ = *TempFolder::Make();
  telemetry::Metrics metrics_;
  std::unique_ptr<Frame> frame_;
  std::unique_ptr<FakeJobs> jobs_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<v1::JobsService::Stub> stub_;
  v1::GetJobResponse response_;
};

TEST_F(ServerTest, AnswersOverAPrivateUnixSocket) {
  Serve({.listen = Socket()});
  EXPECT_TRUE(Get("j1").ok());
  EXPECT_EQ(response_.job().job_id(), "j1");
  struct stat info {};
  ASSERT_EQ(stat((folder_.path() / "s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ServerTest, APauseEndsWhenTheServerIsBack) {
  Serve({.listen = Socket()});
  ASSERT_TRUE(Get("j1").ok());
  server_.reset();
  ASSERT_TRUE(absl::IsUnavailable(Get("j1")));
  // Ends by itself only long after the test's time is over.
  auto pause = std::async(std::launch::async, [&] { return channel_->Pause(absl::Hours(1), {}); });
  frame_ = std::make_unique<Frame>(FrameOptions{}, &metrics_);
  jobs_ = std::make_unique<FakeJobs>(frame_.get());
  server_ = *Server::Start({.listen = Socket()}, {jobs_.get()}, frame_.get());
  EXPECT_FALSE(pause.get());
  EXPECT_TRUE(Get("j1").ok());
}

TEST_F(ServerTest, APauseLastsWhileTheConnectionStands) {
  Serve({.listen = Socket()});
  ASSERT_TRUE(Get("j1").ok());
  EXPECT_FALSE(channel_->Pause(absl::Milliseconds(1), {}));
  CancelToken cancel;
  auto pause =
      std::async(std::launch::async, [&] { return channel_->Pause(absl::Hours(1), cancel); });
  EXPECT_EQ(pause.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  cancel.Cancel("enough");
  EXPECT_TRUE(pause.get());
}

TEST_F(ServerTest, ErrorsKeepTheirReason) {
  Serve({.listen = Socket()});
  const absl::Status status = Get("missing");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(status), "JOB_NOT_FOUND");
  EXPECT_THAT(metrics_.Text(), HasSubstr("grpc_server_handled_total{grpc_code=\"NotFound\""));
}

TEST_F(ServerTest, WantsTheTokenOverTcp) {
  Serve({.listen = "127.0.0.1:0"}, {.token = "t"});
  EXPECT_TRUE(Get("j1").ok());
  Connect("wrong");
  EXPECT_EQ(Get("j1").code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(ServerTest, SpeaksTlsToThoseWhoTrustIt) {
  testing::WriteCertificates(folder_.path());
  const std::string folder = folder_.path().string();
  Serve({.listen = "127.0.0.1:0",
         .tls_cert_file = folder + "/server.pem",
         .tls_key_file = folder + "/server.key"},
        {.token = "t"});
  EXPECT_EQ(Get("j1").code(), absl::StatusCode::kUnavailable) << "plain text";
  const auto connect = [this](const std::string& ca) {
    channel_ = *Channel::Open({.address = server_->address(), .tls_ca_file = ca, .token = "t"});
    stub_ = v1::JobsService::NewStub(channel_->grpc_channel());
  };
  connect(folder + "/ca.pem");
  EXPECT_TRUE(Get("j1").ok());
  TempFolder other = *TempFolder::Make();
  testing::WriteCertificates(other.path());
  connect((other.path() / "ca.pem").string());
  EXPECT_EQ(Get("j1").code(), absl::StatusCode::kUnavailable) << "another authority";
}

TEST_F(ServerTest, RefusesUnsafeAndTakenAddresses) {
  Frame frame({}, &metrics_);
  FakeJobs jobs(&frame);
  const auto code = [&frame, &jobs](const ServerOptions& options) {
    return Server::Start(options, {&jobs}, &frame).status().code();
  };
  EXPECT_EQ(code({.listen = "127.0.0.1:0"}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.listen = "nonsense"}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.listen = "unix:/" + std::string(200, 'x')}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.listen = "127.0.0.1:0", .tls_cert_file = "c"}),
            absl::StatusCode::kInvalidArgument);
  Serve({.listen = "127.0.0.1:0", .insecure = true});
  EXPECT_EQ(code({.listen = server_->address(), .insecure = true}), absl::StatusCode::kUnavailable);
  // Without TLS nobody's certificate would be asked for.
  EXPECT_EQ(code({.listen = "127.0.0.1:0", .tls_client_ca_file = "ca.pem", .insecure = true}),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ServerTest, RequiresADeadline) {
  Serve({.listen = Socket()});
  grpc::ClientContext context;
  v1::GetJobRequest request;
  const absl::Status status = FromGrpc(stub_->GetJob(&context, request, &response_));
  EXPECT_EQ(ReasonOf(status), "DEADLINE_REQUIRED");
}

TEST_F(ServerTest, StreamsInOrder) {
  Serve({.listen = Socket()});
  grpc::ClientContext context;
  channel_->Prepare(absl::Seconds(20), &context);
  v1::WatchJobRequest request;
  request.set_after_event_id(500);
  auto reader = stub_->WatchJob(&context, request);
  int64_t expected = 0;
  for (v1::WatchJobResponse response; reader->Read(&response);) {
    EXPECT_EQ(response.event().event_id(), ++expected);
  }
  EXPECT_EQ(expected, 500);
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(ServerTest, AStreamEndsWhenItsClientGoesAway) {
  Serve({.listen = Socket()});
  grpc::ClientContext context;
  channel_->Prepare(absl::Seconds(60), &context);
  auto reader = stub_->WatchJob(&context, v1::WatchJobRequest());
  v1::WatchJobResponse response;
  ASSERT_TRUE(reader->Read(&response));
  context.TryCancel();
  EXPECT_EQ(jobs_->left.get_future().get().code(), absl::StatusCode::kCancelled);
}

TEST_F(ServerTest, ShutdownLetsCallsEndThenCancelsThem) {
  Serve({.listen = Socket()});
  std::thread client([this] { EXPECT_FALSE(Get("block", absl::Seconds(60)).ok()); });
  jobs_->entered.get_future().wait();
  server_->Shutdown(absl::Milliseconds(50));
  EXPECT_EQ(jobs_->left.get_future().get().code(), absl::StatusCode::kCancelled);
  client.join();
}

TEST_F(ServerTest, TheHandlerHearsThatTheDeadlinePassed) {
  Serve({.listen = Socket()});
  EXPECT_EQ(Get("block", absl::Milliseconds(100)).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(jobs_->left.get_future().get().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace foundry::rpc
