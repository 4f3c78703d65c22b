#include "common/worker/stage_door.h"

#include <fstream>
#include <future>

#include "common/base/error_details.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "foundry/merger/v1/merger.grpc.pb.h"
#include "gtest/gtest.h"

namespace foundry::worker {
namespace {

namespace v1 = merger::v1;
namespace fs = std::filesystem;

class StageDoorTest : public ::testing::Test {
 protected:
  void Handle(Handler handler) {
    runner_.stages = {{"merger", {{StageRequest::kMerge, std::move(handler)}}}};
    services_ = MakeStageServices(runner_, &door_);
    ASSERT_EQ(services_.size(), 1u);
    server_ = *rpc::Server::Start({.listen = "unix:" + (folder_.path() / "s").string()},
                                  {services_[0].get()}, &frame_);
    channel_ = *rpc::Channel::Open({.address = server_->address()});
    stub_ = v1::MergerService::NewStub(channel_->grpc_channel());
  }
  // Makes a call to its end; events go to events_.
  absl::Status Call(const std::string& prefix) {
    grpc::ClientContext context;
    channel_->Prepare(absl::Seconds(30), &context);
    v1::MergeRequest request;
    request.set_output_prefix(prefix);
    auto reader = stub_->Merge(&context, request);
    for (v1::MergeResponse response; reader->Read(&response);) events_.push_back(response.event());
    return rpc::FromGrpc(reader->Finish());
  }

  TempFolder folder_ = *TempFolder::Make();
  fs::path out_ = folder_.path() / "out";
  telemetry::Metrics metrics_;
  std::unique_ptr<WorkFolder> files_ = *WorkFolder::Open(folder_.path() / "work", nullptr);
  StageRunner runner_{{}, files_.get(), &metrics_};
  rpc::Frame frame_{{}, &metrics_};
  StageDoor door_{{}, &frame_, &runner_};
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<rpc::Channel> channel_;
  std::unique_ptr<v1::MergerService::Stub> stub_;
  std::vector<common::v1::StageEvent> events_;
};

TEST_F(StageDoorTest, StreamsEventsAndRevealsTheFiles) {
  Handle([this](const StageRequest&, TaskContext& context) -> absl::StatusOr<StageOutput> {
    fs::create_directories(context.output() / "merged");
    std::ofstream(context.output() / "merged/model.bin") << "weights";
    EXPECT_FALSE(fs::exists(out_ / "merged")) << "visible before success";
    context.Metric("kl", 1, 0.5);
    return StageOutput{{}, {{"kl", 0.5}}, {}};
  });
  ASSERT_TRUE(Call(out_.string()).ok());
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(events_[0].metric().value(), 0.5);
  EXPECT_EQ(events_[1].result().figures().at("kl"), 0.5);
  EXPECT_EQ(events_[1].result().manifest().artifacts(0).name(), "merged/model.bin");
  EXPECT_EQ(*ReadFile(out_ / "merged/model.bin"), "weights");
  EXPECT_EQ(std::distance(fs::directory_iterator(out_), {}), 1) << "nothing else is left";
}

TEST_F(StageDoorTest, AFailureLeavesNothing) {
  Handle([](const StageRequest&, TaskContext& context) -> absl::StatusOr<StageOutput> {
    std::ofstream(context.output() / "half") << "x";
    return absl::FailedPreconditionError("the merge changes nothing");
  });
  EXPECT_EQ(Call(out_.string()).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(fs::is_empty(out_));
}

TEST_F(StageDoorTest, WantsAFolderForTheFiles) {
  Handle([](const StageRequest&, TaskContext&) -> absl::StatusOr<StageOutput> {
    return StageOutput{};
  });
  for (const char* prefix : {"", "relative", "ftp://host/x"}) {
    const absl::Status status = Call(prefix);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << prefix;
    EXPECT_EQ(FieldViolationsOf(status).at(0).field, "output_prefix");
  }
}

TEST_F(StageDoorTest, StopsWhenTheClientGoesAwayAndRefusesBeyondItsSlots) {
  std::promise<void> entered;
  std::promise<void> left;
  Handle([&](const StageRequest&, TaskContext& context) -> absl::StatusOr<StageOutput> {
    entered.set_value();
    while (!context.cancel().WaitFor(absl::Seconds(60))) {
    }
    left.set_value();
    return context.cancel().Check();
  });
  grpc::ClientContext context;
  channel_->Prepare(absl::Seconds(60), &context);
  v1::MergeRequest request;
  request.set_output_prefix(out_.string());
  auto reader = stub_->Merge(&context, request);
  entered.get_future().wait();
  EXPECT_EQ(ReasonOf(Call((folder_.path() / "other").string())), "NO_SLOT");
  context.TryCancel();
  left.get_future().wait();
  EXPECT_FALSE(reader->Finish().ok());
}

}  // namespace
}  // namespace foundry::worker
