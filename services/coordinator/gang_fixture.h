// Trainings of several ranks, and workers of few devices that gather for them by hand.
#pragma once

#include <string>
#include <vector>

#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {

class GangFixture : public StoreFixture {
 protected:
  // A job of one training.
  std::string Training(const std::string& name, const std::string& distillation,
                       const std::string& more = "") {
    return Create(name,
                  Spec(absl::StrCat("inputs: {teacher_pairs: pairs.json}\nsteps: [distillation]\n"
                                    "distillation: {",
                                    distillation, "}\n", more)),
                  {.pairs_need_targets = false});
  }
  static LeaseQuery Query(const std::vector<std::string>& workers, int devices = 1) {
    LeaseQuery query{.stages = {"trainer"}, .worker_ids = workers, .devices = devices};
    for (const std::string& worker : workers) query.rank_addresses.push_back("host-" + worker);
    return query;
  }
  Gathered Gather(const std::vector<std::string>& workers, int devices = 1,
                  Store::GangTurn turn = Store::GangTurn::kInOrder) {
    auto gathered = store().Gather(Query(workers, devices), turn, Soon());
    EXPECT_TRUE(gathered.ok()) << gathered.status();
    return gathered.value_or(Gathered());
  }
  // The seats of a generation of two workers with a device each; the leader's is the first.
  std::vector<GrantedLease> GangOfTwo(const std::string& a = "a", const std::string& b = "b") {
    EXPECT_TRUE(Gather({a}).granted.empty());
    std::vector<GrantedLease> seats = Gather({a, b}).granted;
    EXPECT_EQ(seats.size(), 2u);
    seats.resize(2);
    if (seats[0].lease.seat().first_rank() != 0) std::swap(seats[0], seats[1]);
    EXPECT_TRUE(BeatSeat(seats[1]).ok());
    EXPECT_TRUE(Beat(seats[0]).ok());
    return seats;
  }
  static LeaseKey KeyOf(const GrantedLease& grant) {
    return {grant.lease.task_id(), grant.worker_id, grant.lease.epoch()};
  }
  absl::StatusOr<v1::HeartbeatSeatResponse> BeatSeat(const GrantedLease& grant) {
    return store().HeartbeatSeat(KeyOf(grant), Soon());
  }
  absl::Status Leave(const GrantedLease& grant, v1::LeaveReason reason) {
    v1::LeaveSeatRequest request;
    request.set_worker_id(grant.worker_id);
    request.set_task_id(grant.lease.task_id());
    request.set_epoch(grant.lease.epoch());
    request.set_reason(reason);
    request.set_message("rank 1 of 2 killed");
    return store().LeaveSeat(request, Soon());
  }
  absl::Status Open(const GrantedLease& grant) {
    v1::OpenMeetingRequest request;
    request.set_worker_id(grant.worker_id);
    request.set_task_id(grant.lease.task_id());
    request.set_epoch(grant.lease.epoch());
    request.set_rendezvous("host-a:7");
    request.set_inputs(Sha256Hex("inputs"));
    return store().OpenMeeting(request, Soon());
  }
  absl::Status BeatWithProgress(const GrantedLease& grant, double done) {
    v1::HeartbeatRequest request;
    request.set_worker_id(grant.worker_id);
    request.set_task_id(grant.lease.task_id());
    request.set_epoch(grant.lease.epoch());
    request.mutable_progress()->set_done(done);
    return store().Heartbeat(request, Soon()).status();
  }
  // Nothing is left of a generation: no worker may write for it.
  void ExpectOver(const std::vector<GrantedLease>& seats) {
    const auto stale = [](const absl::Status& status) { return ReasonOf(status) == "STALE_LEASE"; };
    EXPECT_TRUE(stale(Beat(seats[0]).status()));
    EXPECT_TRUE(stale(Open(seats[0])));
    EXPECT_TRUE(stale(Complete(seats[0])));
    EXPECT_TRUE(stale(store().RegisterCheckpoint(KeyOf(seats[0]), Sha256Hex("c"), Soon())));
    for (size_t i = 1; i < seats.size(); ++i) {
      EXPECT_TRUE(stale(BeatSeat(seats[i]).status()));
      EXPECT_TRUE(stale(Leave(seats[i], v1::LEAVE_REASON_LOST)));
    }
  }
  void ExpireSeats() {
    Sql("UPDATE seats SET lease_until = least(lease_until, clock_timestamp() - interval '1 s') "
        "WHERE lease_until < 'infinity'");
    const auto expired = store().ExpireLeases(Soon());
    EXPECT_TRUE(expired.ok()) << expired.status();
  }
};

}  // namespace foundry::coordinator
