// The WatchJob side of the load; see load.h.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/hash.h"
#include "common/rpc/status.h"
#include "foundry/coordinator/v1/jobs.grpc.pb.h"
#include "foundry/coordinator/v1/workers.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/queue/load.h"

namespace foundry::bench {
namespace {

namespace v1 = coordinator::v1;

constexpr int kStreamsPerConnection = 200;  // the server takes 256
constexpr absl::Duration kPatience = absl::Seconds(120);

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// What all streams tell.
struct Board {
  std::mutex mutex;
  std::condition_variable changed;
  int opened = 0;
  int closed = 0;
  std::vector<double> event_millis;
  std::atomic<int64_t> completed_at{0};  // nanoseconds; 0: not yet
};

class StreamReader : public grpc::ClientReadReactor<v1::WatchJobResponse> {
 public:
  StreamReader(v1::JobsService::Stub* stub, const std::string& job, Board* board) : board_(board) {
    request_.set_job_id(job);
    context_.set_deadline(absl::ToChronoTime(absl::Now() + 5 * kPatience));
    stub->async()->WatchJob(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    const int64_t completed = board_->completed_at;
    std::lock_guard lock(board_->mutex);
    if (response_.has_snapshot() && !opened_) {
      opened_ = true;
      ++board_->opened;
    }
    if (completed != 0 && response_.event().state() == v1::STATE_SUCCEEDED) {
      board_->event_millis.push_back(
          static_cast<double>(absl::ToUnixNanos(absl::Now()) - completed) / 1e6);
    }
    board_->changed.notify_all();
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    if (status.error_code() != grpc::StatusCode::CANCELLED) {
      std::fprintf(stderr, "WatchJob: %s\n", rpc::FromGrpc(status).ToString().c_str());
      std::exit(1);
    }
    std::lock_guard lock(board_->mutex);
    ++board_->closed;
    board_->changed.notify_all();
  }

 private:
  Board* const board_;
  grpc::ClientContext context_;
  v1::WatchJobRequest request_;
  v1::WatchJobResponse response_;
  bool opened_ = false;
};

void Demand(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, rpc::FromGrpc(status).ToString().c_str());
  std::exit(1);
}

template <typename Done>
void Await(Board& board, const char* what, Done done) {
  std::unique_lock lock(board.mutex);
  if (board.changed.wait_for(lock, absl::ToChronoSeconds(kPatience), done)) return;
  std::fprintf(stderr, "waited too long: %s (%d open, %zu events)\n", what, board.opened,
               board.event_millis.size());
  std::exit(1);
}

}  // namespace

Fanout MeasureStreams(const std::string& address, const std::vector<std::string>& jobs, int streams,
                      const std::function<void()>& opened) {
  Board board;
  std::vector<std::unique_ptr<v1::JobsService::Stub>> stubs;
  std::vector<std::unique_ptr<StreamReader>> readers;
  const absl::Time start = absl::Now();
  for (int i = 0; i < streams; ++i) {
    if (i % kStreamsPerConnection == 0) {
      stubs.push_back(v1::JobsService::NewStub(Connect(address)));
    }
    readers.push_back(
        std::make_unique<StreamReader>(stubs.back().get(), jobs[i % jobs.size()], &board));
  }
  Await(board, "first snapshots", [&] { return board.opened == streams; });
  Fanout fanout;
  fanout.streams = streams;
  fanout.open_seconds = absl::ToDoubleSeconds(absl::Now() - start);
  opened();

  const auto workers = v1::WorkersService::NewStub(Connect(address));
  const auto context = [] {
    auto made = std::make_unique<grpc::ClientContext>();
    made->set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    return made;
  };
  // Held at the same time, so that each is another job's.
  std::vector<v1::CompleteTaskRequest> completions;
  for (size_t i = 0; i < jobs.size(); ++i) {
    v1::LeaseTaskRequest lease;
    lease.set_worker_id("watched");
    lease.add_stages("extraction");
    lease.mutable_wait_time()->set_seconds(5);
    v1::LeaseTaskResponse leased;
    Demand(workers->LeaseTask(context().get(), lease, &leased), "LeaseTask");
    v1::CompleteTaskRequest& complete = completions.emplace_back();
    complete.set_worker_id("watched");
    complete.set_task_id(leased.lease().task_id());
    complete.set_epoch(leased.lease().epoch());
    complete.set_manifest(Sha256Hex("nothing"));
  }
  board.completed_at = absl::ToUnixNanos(absl::Now());
  for (const auto& complete : completions) {
    v1::CompleteTaskResponse completed;
    Demand(workers->CompleteTask(context().get(), complete, &completed), "CompleteTask");
  }
  Await(board, "events", [&] { return static_cast<int>(board.event_millis.size()) >= streams; });
  {
    std::lock_guard lock(board.mutex);
    fanout.event_millis = board.event_millis;
  }
  for (const auto& reader : readers) reader->Cancel();
  Await(board, "ends of streams", [&] { return board.closed == streams; });
  return fanout;
}

}  // namespace foundry::bench
