#include "services/coordinator/write_queue.h"

#include <atomic>
#include <optional>

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

TEST_F(WriteQueueTest, AJobThatIsHeldHoldsUpNoOther) {
  const std::string held = CreateWith("held", "", 5), free = CreateWith("free", "", 5);
  std::vector<GrantedLease> of_free;
  std::optional<GrantedLease> of_held;
  for (const GrantedLease& grant : LeaseMany(4)) {
    if (grant.lease.job_id() == held) {
      of_held = grant;
    } else {
      of_free.push_back(grant);
    }
  }
  ASSERT_TRUE(of_held.has_value());
  WriteQueue queue(&store(), {.threads = 2});
  const auto other = Connect(info_);
  pqxx::work work(*other);
  work.exec("SELECT FROM jobs WHERE job_id = " + work.quote(held) + " FOR UPDATE");
  const v1::CompleteTaskRequest request = Completion(*of_held);
  absl::Notification answered;
  absl::Status outcome;
  queue.Complete(&request, Soon(), CancelToken(), [&](const absl::Status& status) {
    outcome = status;
    answered.Notify();
  });
  for (const absl::Status& status : CompleteAtOnce(&queue, of_free)) EXPECT_TRUE(status.ok());
  EXPECT_FALSE(answered.HasBeenNotified());
  work.abort();
  answered.WaitForNotification();
  EXPECT_TRUE(outcome.ok()) << outcome;
}

}  // namespace
}  // namespace foundry::coordinator
