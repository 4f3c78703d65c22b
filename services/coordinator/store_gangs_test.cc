// Gangs on a real PostgreSQL, where that says more than testing/conformance_gangs_test.cc: what is
// kept in tables, and what people are told.
#include <algorithm>

#include "gmock/gmock.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kTwo[] = "devices: 2, min_devices: 2";

class StoreGangsTest : public StoreFixture {
 protected:
  // A job of one training.
  std::string Training(const std::string& name, const std::string& distillation,
                       const std::string& more = "") {
    return Create(name, TrainingSpec(distillation, more), {.pairs_need_targets = false});
  }
  static LeaseQuery Query(const std::vector<std::string>& workers, int devices = 1) {
    return {.stages = {"trainer"}, .worker_ids = workers, .devices = devices};
  }
  // The leader's is the first.
  std::vector<GrantedLease> Gather(const std::vector<std::string>& workers) {
    auto gathered = store().Gather(Query(workers), Store::GangTurn::kInOrder, Soon());
    EXPECT_TRUE(gathered.ok()) << gathered.status();
    auto seats = std::move(gathered->granted);
    std::sort(seats.begin(), seats.end(), [](const GrantedLease& a, const GrantedLease& b) {
      return a.lease.seat().first_rank() < b.lease.seat().first_rank();
    });
    return seats;
  }
};

TEST_F(StoreGangsTest, WhatAGangReadsAndStoresIsNotCollected) {
  Training("t", kTwo);
  const auto seats = Gather({"a", "b"});
  ASSERT_EQ(seats.size(), 2u);
  auto request = RequestFor<v1::OpenMeetingRequest>(seats[0]);
  request.set_inputs(Sha256Hex("inputs"));
  ASSERT_TRUE(store().OpenMeeting(request, Soon()).ok());
  EXPECT_THAT(*store().CommittedManifests(Soon()), ElementsAre(Sha256Hex("inputs")));
  ASSERT_TRUE(store().RegisterCheckpoint(KeyOf(seats[0]), Sha256Hex("one"), Soon()).ok());
  ASSERT_TRUE(store().RegisterCheckpoint(KeyOf(seats[0]), Sha256Hex("two"), Soon()).ok());
  const auto kept = *store().CommittedManifests(Soon());
  EXPECT_THAT(kept, Contains(Sha256Hex("two")));
  EXPECT_THAT(kept, ::testing::Not(Contains(Sha256Hex("one"))));
  ASSERT_TRUE(Complete(seats[0]).ok());
  ASSERT_TRUE(store().ForgetWorkers(absl::Hours(1), Soon()).ok());
  EXPECT_THAT(*store().CommittedManifests(Soon()), ElementsAre(Sha256Hex("train")));
}

// Another task's gathering takes a waiting worker in the moment in which this gang would form.
TEST_F(StoreGangsTest, NoGangIsFormedWithAWorkerThatIsBeingTaken) {
  Training("t", kTwo);
  ASSERT_THAT(Gather({"a"}), IsEmpty());
  const auto other = Connect(info_);
  pqxx::work work(*other);
  work.exec("DELETE FROM seats WHERE worker_id = 'a'");
  EXPECT_THAT(Gather({"b"}), IsEmpty());
  work.commit();
  const auto seats = Gather({"c"});
  ASSERT_EQ(seats.size(), 1u);  // the other one's is for b
  EXPECT_EQ(seats[0].lease.seat().world_size(), 2);
  EXPECT_EQ(Gather({"b"}).size(), 1u);
}

TEST_F(StoreGangsTest, TheJobsLimitHoldsForGangsToo) {
  Training("t", kTwo, "max_running_tasks: 1\n");
  const auto seats = Gather({"a", "b"});
  ASSERT_EQ(seats.size(), 2u);
  Sql("INSERT INTO tasks (task_id, job_id, step, key, stage, needs_gpu, weight, state, request, "
      "fingerprint, ranks, min_ranks) SELECT 'x', job_id, step, 'x', stage, false, 1, 2, request, "
      "'', 2, 2 FROM tasks");
  EXPECT_THAT(Gather({"c", "d"}), IsEmpty());
  ASSERT_TRUE(Complete(seats[0]).ok());
  EXPECT_EQ(Gather({"c", "d"}).size(), 2u);
}

TEST_F(StoreGangsTest, ATaskThatNobodyCanRunSaysHowManyDevicesAreMissing) {
  const std::string job = Training("t", "devices: 4, min_devices: 4");
  ASSERT_TRUE(store()
                  .SawWorkers({{"a", {"trainer"}, false, 1}, {"b", {"trainer"}, false, 1}}, Soon())
                  .ok());
  EXPECT_EQ(TaskOf(job, "distillation", "train").reason(),
            "needs 4 devices, workers of stage trainer offer 2");
  Sql("UPDATE tasks SET min_ranks = 2");
  Gather({"a"});
  EXPECT_EQ(TaskOf(job, "distillation", "train").reason(), "gathers 4 devices, has 1");
  Sql("DELETE FROM seats");
  ASSERT_TRUE(store().SawWorkers({{"c", {"trainer"}, false, 0}}, Soon()).ok());
  EXPECT_EQ(TaskOf(job, "distillation", "train").reason(), "next for a worker of stage trainer");
}

}  // namespace
}  // namespace foundry::coordinator
