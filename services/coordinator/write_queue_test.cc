#include "services/coordinator/write_queue.h"

#include <thread>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

class WriteQueueTest : public StoreFixture {
 protected:
  // Runs every task of these leases through the queue at once; answers the outcomes.
  std::vector<absl::Status> CompleteAtOnce(WriteQueue* queue,
                                           const std::vector<GrantedLease>& grants) {
    std::vector<v1::CompleteTaskRequest> requests;
    for (const GrantedLease& grant : grants) requests.push_back(Completion(grant));
    std::vector<absl::Status> outcomes(grants.size(), absl::UnknownError("never answered"));
    absl::BlockingCounter left(static_cast<int>(grants.size()));
    for (size_t i = 0; i < grants.size(); ++i) {
      queue->Complete(&requests[i], Soon(), CancelToken(), [&, i](const absl::Status& status) {
        outcomes[i] = status;
        left.DecrementCount();
      });
    }
    left.Wait();
    return outcomes;
  }
};

TEST_F(WriteQueueTest, JobsThatEndTogetherAllGoOn) {
  std::vector<std::string> jobs;
  for (int i = 0; i < 12; ++i) jobs.push_back(CreateWith(absl::StrCat("job", i), "", 1 + i % 4));
  WriteQueue queue(&store(), {});
  for (;;) {
    const std::vector<GrantedLease> grants = LeaseMany(40);
    if (grants.empty()) break;
    for (const absl::Status& status : CompleteAtOnce(&queue, grants))
      EXPECT_TRUE(status.ok()) << status;
  }
  for (const std::string& job : jobs) {
    EXPECT_EQ(JobState(job), v1::STATE_SUCCEEDED);
    CheckedEvents(job);
  }
}

TEST_F(WriteQueueTest, JobsThatAreHeldHoldUpNoOther) {
  const std::string free = CreateWith("free", "", 5);
  for (const char* name : {"one", "two", "three"}) CreateWith(name, "", 5);
  std::vector<GrantedLease> of_free, of_held;
  for (const GrantedLease& grant : LeaseMany(12)) {
    (grant.lease.job_id() == free ? of_free : of_held).push_back(grant);
  }
  ASSERT_EQ(of_free.size(), 3u);
  WriteQueue queue(&store(), {.threads = 2});
  const auto other = Connect(info_);
  pqxx::work work(*other);
  work.exec("SELECT FROM jobs WHERE job_id <> " + work.quote(free) + " FOR UPDATE");
  std::vector<absl::Status> held;
  absl::Notification answered;
  std::thread waiting([&] {
    held = CompleteAtOnce(&queue, of_held);
    answered.Notify();
  });
  // All of them, and then some, while the others wait.
  for (int turn = 0; turn < 3; ++turn) {
    for (const absl::Status& status : CompleteAtOnce(&queue, of_free)) EXPECT_TRUE(status.ok());
    for (const GrantedLease& grant : of_held) {
      const v1::HeartbeatRequest beat = RequestFor<v1::HeartbeatRequest>(grant);
      absl::Notification beaten;
      queue.Heartbeat(&beat, Soon(), CancelToken(), [&](const absl::StatusOr<bool>& outcome) {
        EXPECT_TRUE(outcome.ok()) << outcome.status();
        beaten.Notify();
      });
      beaten.WaitForNotification();
    }
  }
  EXPECT_FALSE(answered.HasBeenNotified());
  work.abort();
  waiting.join();
  for (const absl::Status& status : held) EXPECT_TRUE(status.ok()) << status;
}

TEST_F(WriteQueueTest, MessagesOfOneHeldJobTakeOneThread) {
  const std::string free = CreateWith("free", "", 1);
  CreateWith("held", "", 3);
  std::vector<v1::HeartbeatRequest> of_held;
  v1::HeartbeatRequest of_free;
  for (const GrantedLease& grant : LeaseMany(4)) {
    v1::HeartbeatRequest beat = RequestFor<v1::HeartbeatRequest>(grant);
    beat.add_messages("said");
    if (grant.lease.job_id() == free) {
      of_free = beat;
    } else {
      of_held.push_back(beat);
    }
  }
  ASSERT_EQ(of_held.size(), 3u);
  const auto other = Connect(info_);
  pqxx::work work(*other);
  work.exec("SELECT FROM jobs WHERE job_id <> " + work.quote(free) + " FOR UPDATE");
  absl::BlockingCounter left(static_cast<int>(of_held.size()));
  WriteQueue queue(&store(), {.threads = 4});  // two of them for what may wait
  for (const v1::HeartbeatRequest& beat : of_held) {
    queue.Heartbeat(&beat, Soon(), CancelToken(), [&](const absl::StatusOr<bool>& outcome) {
      EXPECT_TRUE(outcome.ok()) << outcome.status();
      left.DecrementCount();
    });
  }
  absl::Notification told;
  queue.Heartbeat(&of_free, Soon(), CancelToken(), [&](const absl::StatusOr<bool>& outcome) {
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    told.Notify();
  });
  EXPECT_TRUE(told.WaitForNotificationWithTimeout(absl::Seconds(3)));
  work.abort();
  left.Wait();
  if (!told.HasBeenNotified()) told.WaitForNotification();
}

}  // namespace
}  // namespace foundry::coordinator
