// MemoryStore's gangs. Who waits how long plays no part: only the clock of leases moves here.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "services/coordinator/store_lease.h"
#include "services/coordinator/testing/memory_store.h"

namespace foundry::coordinator {
namespace {

template <typename Items, typename Condition>
void EraseIf(Items& items, const Condition& condition) {
  items.erase(std::remove_if(items.begin(), items.end(), condition), items.end());
}

}  // namespace

// ---- Gathering.

bool MemoryStore::Paused(const Task& task) const {
  return task.gang.has_value() && task.gang->hold_after > now_;
}

MemoryStore::Task* MemoryStore::FirstGang(const LeaseQuery& query) {
  Task* first = nullptr;
  for (Task& task : tasks_) {  // in their order
    if (!Fits(task, query) || task.wish.ranks <= query.devices) continue;
    const auto rank = [&](const Task& gang) {
      return std::make_pair(Paused(gang), -gang.job->spec.priority());
    };
    if (first == nullptr || rank(task) < rank(*first)) first = &task;
  }
  return first;
}

bool MemoryStore::ClaimableBefore(const Task& gang, const LeaseQuery& query) const {
  bool older = true;
  for (const Task& task : tasks_) {
    if (&task == &gang) older = false;
    if (!Fits(task, query) || task.wish.ranks > query.devices) continue;
    const int priority = task.job->spec.priority(), mine = gang.job->spec.priority();
    if (priority > mine || (priority == mine && older)) return true;
  }
  return false;
}

void MemoryStore::LeaveGatherings(const std::string& worker, const Task* except) {
  for (Task& task : tasks_) {
    if (&task == except || !task.gang.has_value()) continue;
    EraseIf(task.gang->seats,
            [&](const Seat& seat) { return seat.epoch == 0 && seat.worker == worker; });
  }
}

absl::StatusOr<Gathered> MemoryStore::Gather(const LeaseQuery& query, Store::GangTurn turn) {
  Gathered gathered;
  if (query.devices == 0) return gathered;
  FOUNDRY_RETURN_IF_ERROR(GrantSeats(query, &gathered.granted));
  LeaseQuery left = query;
  EraseIf(left.worker_ids, [&](const std::string& worker) {
    return std::any_of(gathered.granted.begin(), gathered.granted.end(),
                       [&](const GrantedLease& grant) { return grant.worker_id == worker; });
  });
  Task* task = left.worker_ids.empty() ? nullptr : FirstGang(query);
  if (task == nullptr) return gathered;
  if (turn == Store::GangTurn::kInOrder && (Paused(*task) || ClaimableBefore(*task, query))) {
    return gathered;
  }
  const bool formed = SeatWorkers(*task, left);
  if (formed) FOUNDRY_RETURN_IF_ERROR(GrantSeats(left, &gathered.granted));
  for (const std::string& worker : left.worker_ids) {
    if (!formed) gathered.seated.insert(worker);
  }
  return gathered;
}

bool MemoryStore::SeatWorkers(Task& task, const LeaseQuery& workers) {
  if (!task.gang.has_value()) task.gang.emplace().hold_after = now_;
  Gang& gang = *task.gang;
  EraseIf(gang.seats, [&](const Seat& seat) { return seat.epoch > 0 || seat.until < now_; });
  if (!gang.gathering_since.has_value() || gang.seats.empty()) gang.gathering_since = now_;
  for (const std::string& worker : workers.worker_ids) {
    LeaveGatherings(worker, &task);
    auto seat = std::find_if(gang.seats.begin(), gang.seats.end(),
                             [&](const Seat& taken) { return taken.worker == worker; });
    if (seat == gang.seats.end()) seat = gang.seats.insert(seat, Seat{.worker = worker});
    seat->devices = workers.devices;
    seat->until = now_ + options_.gangs.seat;
  }
  std::vector<SeatOffer> offers;
  for (const Seat& seat : gang.seats) {
    offers.push_back({seat.worker, seat.devices, seat.worker == gang.leader});
  }
  const GangPlan plan =
      PlanGang(task.wish, std::move(offers), now_ - *gang.gathering_since, options_.gangs);
  if (!plan.shares.empty() && FormGang(task, plan)) return true;
  // A hold begins with the gathering or the end of the last pause, whichever is later.
  if (std::max(*gang.gathering_since, gang.hold_after) + options_.gangs.hold < now_) {
    gang.hold_after = now_ + options_.gangs.pause;
  }
  return false;
}

bool MemoryStore::FormGang(Task& task, const GangPlan& plan) {
  const auto held = std::count_if(task.job->tasks.begin(), task.job->tasks.end(),
                                  [](const Task* other) { return other->Held(); });
  const int limit = task.job->spec.max_running_tasks();
  if (limit > 0 && held >= limit) return false;
  // Short until the leader is heard from.
  const absl::Duration wait = std::min(options_.lease, options_.gangs.seat);
  Gang& gang = *task.gang;
  gang.leader = plan.shares.front().worker_id;
  Hold(task, gang.leader, wait);
  gang.rendezvous.clear();
  gang.inputs.clear();
  gang.gathering_since.reset();
  gang.seats.clear();
  for (const SeatShare& share : plan.shares) {
    gang.seats.push_back({.worker = share.worker_id,
                          .epoch = task.epoch,
                          .share = share,
                          .world_size = plan.world_size,
                          .until = now_ + wait});
  }
  return true;
}

absl::Status MemoryStore::GrantSeats(const LeaseQuery& query, std::vector<GrantedLease>* granted) {
  for (Task& task : tasks_) {
    if (task.state != v1::STATE_RUNNING || !task.gang.has_value()) continue;
    for (Seat& seat : task.gang->seats) {
      const bool asked = std::count(query.worker_ids.begin(), query.worker_ids.end(), seat.worker);
      if (!asked || seat.granted || seat.epoch != task.epoch) continue;
      seat.granted = true;
      GrantedLease& grant = granted->emplace_back(LeaseOf(task, seat.worker));
      grant.lease.mutable_seat()->set_first_rank(seat.share.first_rank);
      grant.lease.mutable_seat()->set_ranks(seat.share.ranks);
      grant.lease.mutable_seat()->set_world_size(seat.world_size);
      if (seat.share.first_rank == 0) FOUNDRY_RETURN_IF_ERROR(Announce(task));
    }
  }
  return absl::OkStatus();
}

// ---- Under way.

absl::Status MemoryStore::OpenMeeting(const v1::OpenMeetingRequest& request) {
  const LeaseKey key{request.task_id(), request.worker_id(), request.epoch()};
  const auto found = by_id_.find(key.task_id);
  if (found == by_id_.end()) return StaleLease(key);
  Task& task = *found->second;
  const bool leads = task.Held() && task.epoch == key.epoch && task.worker == key.worker_id;
  if (!leads || !task.gang.has_value()) return StaleLease(key);
  task.gang->rendezvous = request.rendezvous();
  task.gang->inputs = request.inputs();
  return absl::OkStatus();
}

absl::StatusOr<MemoryStore::Seated> MemoryStore::FindSeat(const LeaseKey& key) {
  const auto found = by_id_.find(key.task_id);
  if (found == by_id_.end()) return StaleLease(key);
  Task& task = *found->second;
  if (!task.Held() || task.epoch != key.epoch || !task.gang.has_value()) return StaleLease(key);
  for (Seat& seat : task.gang->seats) {
    if (seat.worker != key.worker_id || seat.epoch != key.epoch || seat.share.first_rank == 0) {
      continue;
    }
    return Seated{&task, &seat};
  }
  return StaleLease(key);
}

absl::StatusOr<v1::HeartbeatSeatResponse> MemoryStore::HeartbeatSeat(const LeaseKey& key) {
  FOUNDRY_ASSIGN_OR_RETURN(const Seated seated, FindSeat(key));
  seated.seat->until = now_ + options_.lease;
  seated.seat->acknowledged = true;
  v1::HeartbeatSeatResponse response;
  response.set_cancel(seated.task->state == v1::STATE_CANCELLING);
  response.set_rendezvous(seated.task->gang->rendezvous);
  response.set_inputs(seated.task->gang->inputs);
  return response;
}

absl::Status MemoryStore::RegisterCheckpoint(const LeaseKey& key, const std::string& manifest) {
  const auto found = by_id_.find(key.task_id);
  if (found == by_id_.end()) return StaleLease(key);
  Task& task = *found->second;
  const bool held = task.state == v1::STATE_RUNNING && task.epoch == key.epoch;
  if (!held || task.worker != key.worker_id) return StaleLease(key);
  task.checkpoint = manifest;
  return absl::OkStatus();
}

// ---- Ends of a generation.

bool MemoryStore::WentOn(Task& task) {
  if (!task.gang.has_value() || task.done <= task.gang->furthest) return false;
  task.gang->furthest = task.done;
  return true;
}

absl::Status MemoryStore::LeaveSeat(const v1::LeaveSeatRequest& request) {
  if (by_id_.count(request.task_id()) == 0) {
    return absl::NotFoundError(absl::StrCat("no task ", request.task_id()));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Seated seated,
                           FindSeat({request.task_id(), request.worker_id(), request.epoch()}));
  Task& task = *seated.task;
  if (task.state == v1::STATE_RUNNING) FOUNDRY_RETURN_IF_ERROR(Announce(task));
  if (request.reason() == v1::LEAVE_REASON_DONE) {
    seated.seat->until = absl::InfiniteDuration();
    return absl::OkStatus();
  }
  const std::string who = absl::StrCat("worker ", request.worker_id(), " of the gang");
  task.gang->seats.erase(task.gang->seats.begin() + (seated.seat - task.gang->seats.data()));
  // The leader ends what is being cancelled.
  if (task.state == v1::STATE_CANCELLING) return absl::OkStatus();
  if (request.reason() == v1::LEAVE_REASON_LOST) {
    return EndFailed(
        task, AfterFailure(task.attempts, /*retryable=*/true, WentOn(task), LimitsOf(options_),
                           absl::StrCat(who, ": ", request.message())));
  }
  return MoveTask(task, v1::STATE_READY, absl::StrCat(who, " gave its seat back"));
}

absl::Status MemoryStore::ExpireSeats() {
  for (Task& task : tasks_) {
    if (task.state != v1::STATE_RUNNING || !task.gang.has_value()) continue;
    for (const Seat& seat : task.gang->seats) {
      if (seat.epoch != task.epoch || seat.share.first_rank == 0 || seat.until >= now_) continue;
      FOUNDRY_RETURN_IF_ERROR(Announce(task));
      FOUNDRY_RETURN_IF_ERROR(EndInSilence(
          task, AfterSilence(task.attempts, seat.acknowledged, WentOn(task), LimitsOf(options_),
                             absl::StrCat("worker ", seat.worker, " of the gang"))));
      break;  // the first one ends it
    }
  }
  return absl::OkStatus();
}

}  // namespace foundry::coordinator
