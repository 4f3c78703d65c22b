#include "common/worker/worker_loop.h"

#include <atomic>
#include <deque>
#include <fstream>
#include <future>

#include "common/base/error_details.h"
#include "common/rpc/server.h"
#include "common/storage/manifest.h"
#include "foundry/coordinator/v1/gangs.grpc.pb.h"
#include "gtest/gtest.h"

namespace foundry::worker {
namespace {

namespace v1 = coordinator::v1;
namespace fs = std::filesystem;

// Hands out what the test queues and records what comes back.
class ScriptedWorkers : public v1::WorkersService::CallbackService {
 public:
  explicit ScriptedWorkers(rpc::Frame* frame) : frame_(frame) {}

  grpc::ServerUnaryReactor* LeaseTask(grpc::CallbackServerContext* context,
                                      const v1::LeaseTaskRequest* request,
                                      v1::LeaseTaskResponse* response) override {
    return frame_->Unary<v1::LeaseTaskRequest, v1::LeaseTaskResponse>(
        context, {"W", "LeaseTask", rpc::CallLength::kLong}, request, response,
        [this](const auto&, v1::LeaseTaskResponse* response, rpc::Call& call) {
          while (!call.cancel.Cancelled()) {
            {
              std::lock_guard lock(mutex_);
              if (!leases.empty()) {
                *response->mutable_lease() = leases.front();
                leases.pop_front();
                return absl::OkStatus();
              }
            }
            call.cancel.WaitFor(absl::Milliseconds(5));
          }
          return absl::CancelledError("gone");
        });
  }
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) override {
    return frame_->Unary<v1::HeartbeatRequest, v1::HeartbeatResponse>(
        context, {"W", "Heartbeat"}, request, response,
        [this](const auto& request, v1::HeartbeatResponse* response, rpc::Call&) {
          std::lock_guard lock(mutex_);
          if (stale) {
            if (refused_beats++ == 0) beat_refused.set_value();
            return WithReason(absl::FailedPreconditionError("stale"), "STALE_LEASE");
          }
          if (outages > 0) {
            --outages;
            return absl::UnavailableError("away");
          }
          heartbeats.MergeFrom(request);
          response->set_cancel(cancel);
          return absl::OkStatus();
        });
  }
  grpc::ServerUnaryReactor* CompleteTask(grpc::CallbackServerContext* context,
                                         const v1::CompleteTaskRequest* request,
                                         v1::CompleteTaskResponse* response) override {
    return frame_->Unary<v1::CompleteTaskRequest, v1::CompleteTaskResponse>(
        context, {"W", "CompleteTask"}, request, response,
        [this](const auto& request, v1::CompleteTaskResponse*, rpc::Call&) {
          if (answer_after_a_beat) {
            Set(&stale);
            beat_refused.get_future().wait();
          }
          std::lock_guard lock(mutex_);
          if (outages-- > 0) return absl::UnavailableError("away");
          if (refuse) return absl::InvalidArgumentError("a figure is missing");
          if (abort) return absl::AbortedError("another transaction was faster");
          completed.set_value(request);
          return absl::OkStatus();
        });
  }
  grpc::ServerUnaryReactor* FailTask(grpc::CallbackServerContext* context,
                                     const v1::FailTaskRequest* request,
                                     v1::FailTaskResponse* response) override {
    return frame_->Unary<v1::FailTaskRequest, v1::FailTaskResponse>(
        context, {"W", "FailTask"}, request, response,
        [this](const auto& request, v1::FailTaskResponse*, rpc::Call&) {
          failed.set_value(request);
          return absl::OkStatus();
        });
  }
  grpc::ServerUnaryReactor* ReleaseTask(grpc::CallbackServerContext* context,
                                        const v1::ReleaseTaskRequest* request,
                                        v1::ReleaseTaskResponse* response) override {
    return frame_->Unary<v1::ReleaseTaskRequest, v1::ReleaseTaskResponse>(
        context, {"W", "ReleaseTask"}, request, response,
        [this](const auto& request, v1::ReleaseTaskResponse*, rpc::Call&) {
          released.set_value(request);
          return absl::OkStatus();
        });
  }

  void Queue(const std::string& task, int first_rank = 0, int64_t epoch = 7) {
    std::lock_guard lock(mutex_);
    v1::Lease& lease = leases.emplace_back();
    lease.set_task_id(task);
    lease.set_epoch(epoch);
    lease.set_attempt(1);
    lease.mutable_request()->mutable_merge();
    if (first_rank > 0) lease.mutable_seat()->set_first_rank(first_rank);
  }
  v1::HeartbeatRequest Heartbeats() {
    std::lock_guard lock(mutex_);
    return heartbeats;
  }
  void Set(bool* flag) {
    std::lock_guard lock(mutex_);
    *flag = true;
  }

  std::deque<v1::Lease> leases;
  v1::HeartbeatRequest heartbeats;  // all of them, merged
  bool cancel = false;
  bool stale = false;
  bool refuse = false;
  bool answer_after_a_beat = false;  // the completion holds, and a beat comes before its answer
  int refused_beats = 0;
  std::promise<void> beat_refused;
  bool abort = false;
  int outages = 0;
  std::promise<v1::CompleteTaskRequest> completed;
  std::promise<v1::FailTaskRequest> failed;
  std::promise<v1::ReleaseTaskRequest> released;

 private:
  rpc::Frame* const frame_;
  std::mutex mutex_;
};

class ScriptedGangs : public v1::GangsService::CallbackService {
 public:
  explicit ScriptedGangs(rpc::Frame* frame) : frame_(frame) {}
  grpc::ServerUnaryReactor* HeartbeatSeat(grpc::CallbackServerContext* context,
                                          const v1::HeartbeatSeatRequest* request,
                                          v1::HeartbeatSeatResponse* response) override {
    return frame_->Unary<v1::HeartbeatSeatRequest, v1::HeartbeatSeatResponse>(
        context, {"G", "HeartbeatSeat"}, request, response,
        [](const auto&, auto*, rpc::Call&) { return absl::OkStatus(); });
  }
  grpc::ServerUnaryReactor* LeaveSeat(grpc::CallbackServerContext* context,
                                      const v1::LeaveSeatRequest* request,
                                      v1::LeaveSeatResponse* response) override {
    return frame_->Unary<v1::LeaveSeatRequest, v1::LeaveSeatResponse>(
        context, {"G", "LeaveSeat"}, request, response,
        [this](const auto& request, auto*, rpc::Call&) {
          left.set_value(request);
          return absl::OkStatus();
        });
  }
  std::promise<v1::LeaveSeatRequest> left;

 private:
  rpc::Frame* const frame_;
};

class WorkerLoopTest : public ::testing::Test {
 protected:
  WorkerLoopTest() {
    server_ = *rpc::Server::Start({.listen = "unix:" + (folder_.path() / "s").string()},
                                  {&workers_, &gangs_}, &frame_);
    channel_ = *rpc::Channel::Open({.address = server_->address()});
    runner_.files = files_.get();
    runner_.metrics = &metrics_;
  }
  void Handle(Handler handler, int slots = 1) {
    runner_.stages = {{"merger", {{StageRequest::kMerge, std::move(handler)}}}};
    loop_ = std::make_unique<WorkerLoop>(
        WorkerOptions{.slots = slots, .heartbeat_period = absl::Milliseconds(20)}, &runner_,
        channel_.get(), store_.get());
  }
  static Handler UntilCancelled(std::promise<void>* entered) {
    return [entered](const StageRequest&, TaskContext& context) -> absl::StatusOr<StageOutput> {
      entered->set_value();
      while (!context.cancel().WaitFor(absl::Seconds(60))) {
      }
      return context.cancel().Check();
    };
  }

  TempFolder folder_ = *TempFolder::Make();
  telemetry::Metrics metrics_;
  std::unique_ptr<storage::ArtifactStore> store_ =
      *storage::OpenStore((folder_.path() / "store").string());
  std::unique_ptr<WorkFolder> files_ = *WorkFolder::Open(folder_.path() / "work", store_.get());
  StageRunner runner_;
  rpc::Frame frame_{{}, &metrics_};
  ScriptedWorkers workers_{&frame_};
  ScriptedGangs gangs_{&frame_};
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<rpc::Channel> channel_;
  std::unique_ptr<WorkerLoop> loop_;
};

TEST_F(WorkerLoopTest, StoresTheOutputAndCompletes) {
  workers_.outages = 2;  // the first answers get lost
  workers_.Queue("t1");
  Handle([](const StageRequest&, TaskContext& context) -> absl::StatusOr<StageOutput> {
    std::ofstream(context.output() / "model.bin") << "weights";
    context.Progress({.done = 3, .total = 3, .unit = "files"});
    context.Metric("loss", 5, 0.25);
    context.Message("done");
    return StageOutput{{{"files", 3}}, {{"kl", 0.5}}, {"careful"}};
  });
  const v1::CompleteTaskRequest request = workers_.completed.get_future().get();
  EXPECT_EQ(request.task_id(), "t1");
  EXPECT_EQ(request.epoch(), 7);
  EXPECT_EQ(request.worker_id(), loop_->worker_id());
  EXPECT_EQ(request.result().counts(0).value(), 3);
  EXPECT_EQ(request.result().figures().at("kl"), 0.5);
  EXPECT_EQ(request.result().warnings(0), "careful");
  const auto manifest = storage::GetManifest(request.manifest(), store_.get());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->artifacts(0).name(), "model.bin");
  EXPECT_EQ(*store_->GetBytes(manifest->artifacts(0).sha256()), "weights");
  loop_->Drain();
  EXPECT_TRUE(fs::is_empty(folder_.path() / "work/outputs"));
  EXPECT_TRUE(fs::is_empty(folder_.path() / "work/scratch"));
}

TEST_F(WorkerLoopTest, TellsWhatTheHandlerSaid) {
  workers_.Queue("t1");
  Handle([](const StageRequest&, TaskContext& context) -> absl::StatusOr<StageOutput> {
    context.Metric("loss", 5, 0.25);
    context.Message("hello");
    context.Progress({.done = 1});
    return StageOutput{};
  });
  workers_.completed.get_future().wait();
  const v1::HeartbeatRequest told = workers_.Heartbeats();
  ASSERT_EQ(told.metrics_size(), 1);
  EXPECT_EQ(told.metrics(0).value(), 0.25);
  ASSERT_EQ(told.messages_size(), 1);
  EXPECT_EQ(told.messages(0), "hello");
  EXPECT_EQ(told.progress().done(), 1);
}

TEST_F(WorkerLoopTest, ABeatAfterTheCompletionIsNoAlarm) {
  workers_.answer_after_a_beat = true;
  workers_.Queue("t1");
  ::testing::internal::CaptureStderr();
  Handle([](const StageRequest&, TaskContext&) -> absl::StatusOr<StageOutput> {
    return StageOutput{};
  });
  workers_.completed.get_future().wait();
  loop_->Drain();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("task completed"), std::string::npos) << log;
  EXPECT_EQ(log.find("the lease is lost"), std::string::npos) << log;
}

TEST_F(WorkerLoopTest, ASeatThatEndsWellIsNoCompletedTask) {
  workers_.Queue("t1", /*first_rank=*/1);
  ::testing::internal::CaptureStderr();
  Handle([](const StageRequest&, TaskContext&) -> absl::StatusOr<StageOutput> {
    return StageOutput{};
  });
  EXPECT_EQ(gangs_.left.get_future().get().reason(), v1::LEAVE_REASON_DONE);
  loop_->Drain();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("seat completed"), std::string::npos) << log;
  EXPECT_EQ(log.find("task completed"), std::string::npos) << log;
}

TEST_F(WorkerLoopTest, ARefusedResultFailsTheTask) {
  workers_.refuse = true;
  workers_.Queue("t1");
  Handle([](const StageRequest&, TaskContext&) -> absl::StatusOr<StageOutput> {
    return StageOutput{};
  });
  const v1::FailTaskRequest request = workers_.failed.get_future().get();
  EXPECT_FALSE(request.retryable());
  EXPECT_NE(request.message().find("a figure is missing"), std::string::npos);
}

TEST_F(WorkerLoopTest, ErrorsOfTheRequestAreFinal) {
  workers_.Queue("t1");
  Handle([](const StageRequest&, TaskContext&) -> absl::StatusOr<StageOutput> {
    return absl::InvalidArgumentError("no such model");
  });
  const v1::FailTaskRequest request = workers_.failed.get_future().get();
  EXPECT_FALSE(request.retryable());
  EXPECT_EQ(request.message(), "INVALID_ARGUMENT: no such model");
}

TEST_F(WorkerLoopTest, ThrownErrorsAreRetried) {
  workers_.Queue("t1");
  Handle([](const StageRequest&, TaskContext&) -> absl::StatusOr<StageOutput> {
    throw std::runtime_error("library");
  });
  const v1::FailTaskRequest request = workers_.failed.get_future().get();
  EXPECT_TRUE(request.retryable());
  EXPECT_NE(request.message().find("library"), std::string::npos);
}

TEST_F(WorkerLoopTest, DrainGivesTheTaskBack) {
  workers_.Queue("t1");
  std::promise<void> entered;
  Handle(UntilCancelled(&entered));
  entered.get_future().wait();
  loop_->Drain();
  EXPECT_EQ(workers_.released.get_future().get().epoch(), 7);
}

// The result of a task that ended while the worker drains is sent once; what keeps that from the
// coordinator for a moment is no fault of the task.
TEST_F(WorkerLoopTest, APassingErrorWhileDrainingFailsNoTask) {
  workers_.abort = true;
  workers_.Queue("t1");
  std::promise<void> entered;
  Handle([&](const StageRequest&, TaskContext& context) -> absl::StatusOr<StageOutput> {
    entered.set_value();
    while (!context.cancel().WaitFor(absl::Seconds(60))) {
    }
    return StageOutput{};
  });
  entered.get_future().wait();
  auto failed = workers_.failed.get_future();
  loop_->Drain();
  EXPECT_EQ(failed.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

// Names of files need not be UTF-8, and errors and warnings name files.
TEST_F(WorkerLoopTest, TextOfAnyBytesArrives) {
  workers_.Queue("t1");
  workers_.Queue("t2");
  std::atomic<int> tasks = 0;
  Handle([&](const StageRequest&, TaskContext& context) -> absl::StatusOr<StageOutput> {
    context.Progress({.done = 1, .message = "caf\xe9.pdf"});
    context.Message("caf\xe9.pdf");
    if (tasks++ > 0) return absl::InvalidArgumentError("caf\xe9.pdf: no PDF");
    return StageOutput{{}, {}, {"caf\xe9.pdf: no text"}};
  });
  EXPECT_EQ(workers_.completed.get_future().get().result().warnings(0), "caf\uFFFD.pdf: no text");
  EXPECT_EQ(workers_.failed.get_future().get().message(),
            "INVALID_ARGUMENT: caf\uFFFD.pdf: no PDF");
  EXPECT_EQ(workers_.Heartbeats().messages(0), "caf\uFFFD.pdf");
}

// As after an outage that outlasted the lease: the other slot gets the task anew.
TEST_F(WorkerLoopTest, AttemptsOfOneTaskNeverShareItsScratch) {
  workers_.Queue("t1", 0, /*epoch=*/7);
  std::promise<void> entered;
  std::atomic<int> inside = 0, runs = 0;
  Handle(
      [&](const StageRequest&, TaskContext& context) -> absl::StatusOr<StageOutput> {
        EXPECT_EQ(++inside, 1);
        if (++runs > 1) {
          EXPECT_EQ(*ReadFile(context.scratch() / "state"), "as the earlier one left it");
          --inside;
          return StageOutput{};
        }
        entered.set_value();
        while (!context.cancel().WaitFor(absl::Seconds(60))) {
        }
        std::ofstream(context.scratch() / "state") << "as the earlier one left it";
        --inside;
        return context.cancel().Check();
      },
      /*slots=*/2);
  entered.get_future().wait();
  workers_.Queue("t1", 0, /*epoch=*/7);  // once more: there is nothing to do
  workers_.Queue("t1", 0, /*epoch=*/8);
  EXPECT_EQ(workers_.completed.get_future().get().epoch(), 8);
  loop_->Drain();
  EXPECT_EQ(runs, 2);
}

TEST_F(WorkerLoopTest, ACancelledJobReleasesTheTask) {
  workers_.Queue("t1");
  std::promise<void> entered;
  Handle(UntilCancelled(&entered));
  entered.get_future().wait();
  workers_.Set(&workers_.cancel);
  EXPECT_EQ(workers_.released.get_future().get().task_id(), "t1");
}

TEST_F(WorkerLoopTest, AStaleLeaseEndsTheTaskInSilence) {
  workers_.Queue("t1");
  std::promise<void> entered;
  Handle(UntilCancelled(&entered));
  entered.get_future().wait();
  workers_.Set(&workers_.stale);
  auto released = workers_.released.get_future();
  auto completed = workers_.completed.get_future();
  loop_->Drain();
  EXPECT_EQ(released.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_EQ(completed.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

}  // namespace
}  // namespace foundry::worker
