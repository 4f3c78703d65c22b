// The coordinator as a process: over gRPC, killed, doubled, drained.
#include "services/coordinator/coordinator.h"

#include <atomic>
#include <map>
#include <thread>

#include "common/base/error_details.h"
#include "common/testing/health.h"
#include "gmock/gmock.h"
#include "services/coordinator/coordinator_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::HasSubstr;

using CoordinatorTest = CoordinatorFixture;

// Leases and completes until `stop`.
class WorkerThread {
 public:
  WorkerThread(std::function<void(const std::string& worker)> turn, const std::string& name)
      : thread_([this, turn = std::move(turn), name] {
          while (!stop_) turn(name);
        }) {}
  ~WorkerThread() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST_F(CoordinatorTest, JobRunsOverTheWireAndItsOutputsAppear) {
  auto coordinator = Coordinator("a.sock");
  const auto job = Create(*coordinator, "r1");
  ASSERT_TRUE(job.ok()) << job.status();
  WorkerThread worker(Completing(*coordinator, *coordinator), "w");
  std::vector<v1::Event> events;
  const v1::Job last = WatchToEnd(*coordinator, job->job_id(), &events);
  EXPECT_EQ(last.state(), v1::STATE_SUCCEEDED) << last.reason();
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].event_id(), int64_t(i) + 1);
  EXPECT_EQ(last.last_event_id(), static_cast<int64_t>(events.size()));
  EXPECT_EQ(ReadFile(folder_.path() / "Output/documents.jsonl").value_or(""), "extract/join\n");

  // Asked for again, removed outputs come back; the record stays.
  std::filesystem::remove_all(folder_.path() / "Output");
  EXPECT_EQ(Create(*coordinator, "r1")->job_id(), job->job_id());
  EXPECT_EQ(ReadFile(folder_.path() / "Output/documents.jsonl").value_or(""), "extract/join\n");
  EXPECT_EQ(Get(*coordinator, job->job_id()).state(), v1::STATE_SUCCEEDED);

  // Resumed after the fifth event, the stream goes on with the sixth.
  v1::WatchJobRequest request;
  request.set_job_id(job->job_id());
  request.set_after_event_id(5);
  grpc::ClientContext context;
  coordinator->channel().Prepare(absl::Seconds(10), &context);
  auto stream = coordinator->jobs->WatchJob(&context, request);
  v1::WatchJobResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_snapshot());
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.event().event_id(), 6);
  while (stream->Read(&response)) {
  }
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(CoordinatorTest, RequestIdIsNeededAndUnique) {
  auto coordinator = Coordinator("a.sock");
  EXPECT_EQ(Create(*coordinator, "").status().code(), absl::StatusCode::kInvalidArgument);
  const auto job = Create(*coordinator, "r1");
  EXPECT_EQ(Create(*coordinator, "r1")->job_id(), job->job_id());
  spec_.set_name("another");
  EXPECT_EQ(Create(*coordinator, "r1").status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(CoordinatorTest, StaleLeaseCarriesItsReasonOverTheWire) {
  auto coordinator = Coordinator("a.sock");
  ASSERT_TRUE(Create(*coordinator, "r1").ok());
  auto lease = Lease(*coordinator, "w");
  ASSERT_TRUE(lease.ok() && lease->epoch() == 1);
  lease->set_epoch(7);
  const absl::Status status = Complete(*coordinator, "w", *lease);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "STALE_LEASE");
}

TEST_F(CoordinatorTest, LongPollWakesWhenATaskComes) {
  auto first = Coordinator("a.sock"), second = Coordinator("b.sock");
  // Waits on one coordinator while the job is made on the other.
  absl::StatusOr<v1::Lease> lease = absl::UnknownError("no answer");
  std::thread waiting([&] { lease = Lease(*first, "w", absl::Seconds(9)); });
  ASSERT_TRUE(Create(*second, "r1").ok());
  waiting.join();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->key(), "extract/0");
}

TEST_F(CoordinatorTest, TwoCoordinatorsShareTheWork) {
  auto first = Coordinator("a.sock"), second = Coordinator("b.sock");
  spec_.mutable_extraction()->set_shards(40);
  const auto job = Create(*first, "r1");
  ASSERT_TRUE(job.ok()) << job.status();
  std::mutex mutex;
  std::map<std::string, int> completed;
  std::vector<std::unique_ptr<WorkerThread>> workers;
  for (int i = 0; i < 4; ++i) {
    workers.push_back(std::make_unique<WorkerThread>(
        Completing(i % 2 == 0 ? *first : *second, i % 2 == 0 ? *second : *first,
                   [&](const std::string& key) {
                     std::lock_guard lock(mutex);
                     ++completed[key];
                   }),
        absl::StrCat("w", i)));
  }
  std::vector<v1::Event> events;
  EXPECT_EQ(WatchToEnd(*second, job->job_id(), &events).state(), v1::STATE_SUCCEEDED);
  workers.clear();
  EXPECT_EQ(completed.size(), 41u);
  for (const auto& [key, times] : completed) EXPECT_EQ(times, 1) << key;
}

TEST_F(CoordinatorTest, KilledBetweenAndDuringCallsNothingIsLost) {
  auto coordinator = Coordinator("a.sock");
  spec_.mutable_extraction()->set_shards(30);
  const auto job = Create(*coordinator, "r1");
  ASSERT_TRUE(job.ok()) << job.status();
  std::vector<v1::Event> events;
  v1::Job last;
  {
    std::atomic<int> done = 0;
    std::vector<std::unique_ptr<WorkerThread>> workers;
    for (int i = 0; i < 3; ++i) {
      workers.push_back(std::make_unique<WorkerThread>(
          Completing(*coordinator, *coordinator, [&](const std::string&) { ++done; }),
          absl::StrCat("w", i)));
    }
    std::thread watcher([&] { last = WatchToEnd(*coordinator, job->job_id(), &events); });
    for (int kills = 1; kills <= 3; ++kills) {
      while (done < kills * 5) absl::SleepFor(absl::Milliseconds(1));
      coordinator->Crash();
      // A lease whose answer was cut off runs out; its clock is put forward instead of waited for.
      pqxx::connection connection(database_);
      pqxx::work work(connection);
      work.exec(
          "UPDATE heartbeats SET lease_until = least(lease_until, clock_timestamp() + interval '1 "
          "s')");
      work.commit();
      coordinator->Start();
    }
    watcher.join();
  }
  EXPECT_EQ(last.state(), v1::STATE_SUCCEEDED) << last.reason();
  std::map<std::string, int> succeeded;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].event_id(), int64_t(i) + 1);
    if (events[i].state() == v1::STATE_SUCCEEDED && !events[i].task_key().empty()) {
      ++succeeded[events[i].task_key()];
    }
  }
  EXPECT_EQ(succeeded.size(), 31u);
  for (const auto& [key, times] : succeeded) EXPECT_EQ(times, 1) << key;
}

TEST_F(CoordinatorTest, SigtermSendsWaitersAwayAndEndsWithZero) {
  auto coordinator = Coordinator("a.sock");
  absl::Status lease_status, watch_status;
  const auto job = Create(*coordinator, "r1");
  ASSERT_TRUE(job.ok()) << job.status();
  std::thread waiting([&] {
    lease_status =
        coordinator->channel().Invoke(absl::Seconds(60), [&](grpc::ClientContext* context) {
          v1::LeaseTaskRequest request;
          request.set_worker_id("w");
          request.add_stages("trainer");  // nothing for it
          request.mutable_wait_time()->set_seconds(50);
          v1::LeaseTaskResponse response;
          return coordinator->workers->LeaseTask(context, request, &response);
        });
  });
  grpc::ClientContext context;
  coordinator->channel().Prepare(absl::Seconds(60), &context);
  v1::WatchJobRequest request;
  request.set_job_id(job->job_id());
  auto stream = coordinator->jobs->WatchJob(&context, request);
  v1::WatchJobResponse response;
  ASSERT_TRUE(stream->Read(&response));
  const int status = coordinator->Signal(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  waiting.join();
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(lease_status.code(), absl::StatusCode::kUnavailable) << lease_status;
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(CoordinatorTest, UnwritableOutputFailsTheJobWithTheReason) {
  auto coordinator = Coordinator("a.sock");
  ASSERT_TRUE(WriteFileAtomic(folder_.path() / "file", "x").ok());
  spec_.set_output_dir(folder_.path() / "file" / "Output");
  const auto job = Create(*coordinator, "r1");
  ASSERT_TRUE(job.ok()) << job.status();
  WorkerThread worker(Completing(*coordinator, *coordinator), "w");
  std::vector<v1::Event> events;
  const v1::Job last = WatchToEnd(*coordinator, job->job_id(), &events);
  EXPECT_EQ(last.state(), v1::STATE_FAILED);
  EXPECT_THAT(last.reason(), HasSubstr("cannot write its outputs"));
}

// Waits until health says so; a coordinator that does not answer says nothing.
void ExpectHealth(CoordinatorProcess& coordinator, int expected) {
  const absl::Time end = absl::Now() + absl::Seconds(60);
  int health = 0;
  while ((health = foundry::testing::Health(coordinator.channel())) != expected &&
         absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(health, expected);
}

TEST_F(CoordinatorTest, HealthTellsWhetherTheDatabaseAnswers) {
  foundry::testing::PrivatePostgres own;
  CoordinatorProcess coordinator(own.NewDatabase(), folder_.path(), "a.sock");
  ExpectHealth(coordinator, 1);
  ASSERT_TRUE(own.server().Kill().ok());
  ExpectHealth(coordinator, 2);
  ASSERT_TRUE(own.server().Restart().ok());
  ExpectHealth(coordinator, 1);
  // Started before the database, it waits.
  coordinator.Crash();
  ASSERT_TRUE(own.server().Stop().ok());
  coordinator.Start();
  EXPECT_EQ(foundry::testing::Health(coordinator.channel()), -1);
  ASSERT_TRUE(own.server().Restart().ok());
  ExpectHealth(coordinator, 1);
}

}  // namespace
}  // namespace foundry::coordinator
