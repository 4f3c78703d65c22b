// Conformance of the store: completions in batches.
#include <optional>

#include "gmock/gmock.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::StartsWith;

class StoreCompleteTest : public StoreFixture {
 protected:
  // A lease of each of the next tasks, by job.
  std::map<std::string, std::vector<GrantedLease>> LeaseByJob(int count) {
    std::map<std::string, std::vector<GrantedLease>> leases;
    for (GrantedLease& grant : LeaseMany(count)) leases[grant.lease.job_id()].push_back(grant);
    return leases;
  }
  std::vector<std::optional<absl::Status>> CompleteSome(const std::vector<GrantedLease>& grants) {
    std::vector<v1::CompleteTaskRequest> requests;
    for (const GrantedLease& grant : grants) requests.push_back(Completion(grant));
    std::vector<const v1::CompleteTaskRequest*> pointers;
    for (const auto& request : requests) pointers.push_back(&request);
    return store().CompleteSome(pointers, Soon());
  }
  std::vector<State> StatesOf(const std::string& job, const std::string& key) {
    std::vector<State> states;
    for (const v1::Event& event : CheckedEvents(job)) {
      if (event.task_key() == key) states.push_back(event.state());
    }
    return states;
  }
};

TEST_F(StoreCompleteTest, CompletionsOfOneBatchHaveTheirOwnOutcomes) {
  const std::string job = CreateWith("job", "", 3);
  auto leases = LeaseMany(3);
  ASSERT_EQ(leases.size(), 3u);
  const auto good = Completion(leases[0]);
  auto stale = Completion(leases[1]);
  stale.set_epoch(7);
  auto thief = Completion(leases[2]);
  thief.set_worker_id("thief");
  auto unknown = good;
  unknown.set_task_id("nope");
  const auto outcomes = store().CompleteAll(job, {&stale, &good, &thief, &good, &unknown}, Soon());
  EXPECT_EQ(ReasonOf(outcomes[0]), "STALE_LEASE");
  EXPECT_TRUE(outcomes[1].ok()) << outcomes[1];
  EXPECT_EQ(ReasonOf(outcomes[2]), "STALE_LEASE");
  EXPECT_TRUE(outcomes[3].ok()) << "the same call again";
  EXPECT_EQ(ReasonOf(outcomes[4]), "STALE_LEASE");
  EXPECT_EQ(TaskOf(job, "extraction", "extract/0").state(), v1::STATE_SUCCEEDED);
  EXPECT_EQ(TaskOf(job, "extraction", "extract/1").state(), v1::STATE_RUNNING);
  EXPECT_EQ(TaskOf(job, "extraction", "extract/2").state(), v1::STATE_RUNNING);
  CheckedEvents(job);
}

TEST_F(StoreCompleteTest, CompletionsOfSeveralJobsAreOneTransaction) {
  const std::string one = CreateWith("one", "", 3), two = CreateWith("two", "", 3);
  auto leases = LeaseByJob(4);
  GrantedLease thief = leases[two][1];
  thief.worker_id = "thief";
  const auto outcomes = CompleteSome({leases[one][0], leases[two][0], leases[one][0], thief});
  for (int i : {0, 1, 2}) EXPECT_EQ(outcomes[i], absl::OkStatus()) << i;
  ASSERT_TRUE(outcomes[3].has_value());
  EXPECT_EQ(ReasonOf(*outcomes[3]), "STALE_LEASE");
  Sql("DO $$ BEGIN ASSERT (SELECT count(DISTINCT xmin::text) = 1 AND count(*) = 2 FROM tasks "
      "WHERE state = 4); ASSERT (SELECT count(*) FROM heartbeats) = 2; END $$");
  for (const auto& [job, grants] : leases) {
    EXPECT_EQ(JobState(job), v1::STATE_RUNNING);
    EXPECT_THAT(StatesOf(job, grants[0].lease.key()),
                ElementsAre(v1::STATE_READY, v1::STATE_RUNNING, v1::STATE_SUCCEEDED));
  }
}

TEST_F(StoreCompleteTest, WhatMayEndAStepIsLeftToABatchOfItsOwn) {
  const std::string ends = CreateWith("ends", "", 2), goes_on = CreateWith("goes-on", "", 5);
  auto leases = LeaseByJob(4);
  ASSERT_EQ(leases[ends].size(), 2u);
  // Each alone leaves the other open; both together do not.
  const auto outcomes = CompleteSome({leases[ends][0], leases[goes_on][0], leases[ends][1]});
  EXPECT_EQ(outcomes[0], std::nullopt);
  EXPECT_EQ(outcomes[1], absl::OkStatus());
  EXPECT_EQ(outcomes[2], std::nullopt);
  EXPECT_EQ(CompleteSome({leases[ends][0]})[0], absl::OkStatus());
  EXPECT_EQ(CompleteSome({leases[ends][1]})[0], std::nullopt);
  ASSERT_TRUE(Complete(leases[ends][1]).ok());
  EXPECT_EQ(TaskOf(ends, "extraction", "extract/join").state(), v1::STATE_READY);
}

TEST_F(StoreCompleteTest, WhatOthersHoldOrEndIsLeft) {
  const std::string held = CreateWith("held", "", 5), cancelled = CreateWith("cancelled", "", 5),
                    free = CreateWith("free", "", 5);
  auto leases = LeaseByJob(6);
  ASSERT_TRUE(store().CancelJob(cancelled, "enough", Soon()).ok());
  const auto other = Connect(info_);
  pqxx::work work(*other);
  work.exec("SELECT FROM jobs WHERE job_id = " + work.quote(held) + " FOR UPDATE");
  const auto outcomes =
      CompleteSome({leases[held][0], leases[cancelled][0], leases[free][0], GrantedLease{}});
  EXPECT_EQ(outcomes[0], std::nullopt);
  EXPECT_EQ(outcomes[1], std::nullopt);
  EXPECT_EQ(outcomes[2], absl::OkStatus());
  EXPECT_EQ(outcomes[3], std::nullopt) << "a task that nobody knows";
  work.abort();
  EXPECT_EQ(CompleteSome({leases[held][0]})[0], absl::OkStatus());
}

// A text that PostgreSQL refuses would fail the call for ever, and the batch with it.
TEST_F(StoreCompleteTest, AnyTextOfAWorkerIsRecorded) {
  const std::string job = CreateWith("job", "", 5);
  auto request = Completion(LeaseOne());
  const std::string end = " quote \" slash \\ brace }";
  request.mutable_result()->add_warnings(std::string("nul ") + '\0' + end);
  std::string euros;
  for (int i = 0; i < 2000; ++i) euros += "\u20AC";
  for (const char* start : {"", "x", "xx"}) request.mutable_result()->add_warnings(start + euros);
  ASSERT_TRUE(store().Complete(request, Soon()).ok());
  std::vector<std::string> told;
  for (const v1::Event& event : CheckedEvents(job)) told.push_back(event.message());
  EXPECT_THAT(told, Contains("nul \uFFFD" + end));
  EXPECT_THAT(told, Contains(StartsWith("xx\u20AC")));
}

}  // namespace
}  // namespace foundry::coordinator
