#include "services/coordinator/lease_queue.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "common/base/steady_time.h"
#include "common/telemetry/log.h"

namespace foundry::coordinator {
namespace {

constexpr absl::Duration kClaimDeadline = absl::Seconds(5);
// How soon it is noticed that a client has gone.
constexpr absl::Duration kCancelCheck = absl::Milliseconds(200);

// How often it is looked which workers wait.
constexpr absl::Duration kSeenCheck = absl::Seconds(1);

void Warn(const char* what, const absl::Status& status) {
  if (!status.ok()) telemetry::LogWarning(what, {{"error", status.ToString()}});
}

absl::Status ShuttingDown() { return absl::UnavailableError("the coordinator is shutting down"); }

}  // namespace

LeaseQueue::LeaseQueue(Store* store, const Options& options)
    : store_(store),
      options_(options),
      thread_([this] { Run(); }),
      recorder_([this] { RecordLoop(); }) {}

LeaseQueue::~LeaseQueue() {
  {
    std::lock_guard lock(mutex_);
    draining_ = stopping_ = true;
  }
  work_.notify_all();
  granted_.notify_all();
  thread_.join();
  recorder_.join();
}

void LeaseQueue::Drain() {
  {
    std::lock_guard lock(mutex_);
    draining_ = look_ = true;
  }
  work_.notify_one();
}

void LeaseQueue::Wake() {
  {
    std::lock_guard lock(mutex_);
    look_ = true;
  }
  work_.notify_one();
}

void LeaseQueue::Wait(const v1::LeaseTaskRequest& request, absl::Time until,
                      const CancelToken& cancel, Answer answer) {
  Waiter waiter;
  waiter.stages.assign(request.stages().begin(), request.stages().end());
  std::sort(waiter.stages.begin(), waiter.stages.end());
  waiter.has_gpu = request.has_gpu();
  waiter.devices = std::max(0, request.devices());
  waiter.rank_address = request.rank_address();
  waiter.worker_id = request.worker_id();
  waiter.until = until;
  waiter.cancel = cancel;
  waiter.answer = std::move(answer);
  {
    std::lock_guard lock(mutex_);
    if (!draining_) {
      if (seen_.try_emplace(waiter.worker_id, SteadyNow()).second) {
        just_seen_.push_back({waiter.worker_id, waiter.stages, waiter.has_gpu, waiter.devices});
      }
      waiters_.push_back(std::move(waiter));
      look_ = true;
      work_.notify_one();
      return;
    }
  }
  waiter.answer(ShuttingDown());
}

void LeaseQueue::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    absl::Time wake = SteadyNow() + (waiters_.empty() ? absl::Minutes(1) : options_.poll);
    for (const Waiter& waiter : waiters_) wake = std::min(wake, waiter.until);
    if (!waiters_.empty()) wake = std::min(wake, SteadyNow() + kCancelCheck);
    const bool looking =
        work_.wait_for(lock, WaitTime(wake), [this] { return look_ || stopping_; });
    const bool polling = SteadyNow() >= next_poll_;
    look_ = false;
    // First, so that no claim is made for who has gone or waited long enough.
    Dismiss(lock);
    if (!draining_ && !waiters_.empty() && (looking || polling)) {
      next_poll_ = SteadyNow() + options_.poll;
      Serve(lock);
    }
  }
  draining_ = true;
  Dismiss(lock);
}

void LeaseQueue::Dismiss(std::unique_lock<std::mutex>& lock) {
  std::list<Waiter> dismissed;
  const absl::Time now = SteadyNow();
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const auto next = std::next(it);
    if (draining_ || it->until <= now || it->cancel.Cancelled()) {
      dismissed.splice(dismissed.end(), waiters_, it);
    }
    it = next;
  }
  if (dismissed.empty()) return;
  const bool draining = draining_;
  lock.unlock();
  for (Waiter& waiter : dismissed) {
    if (waiter.cancel.Cancelled()) {
      waiter.answer(waiter.cancel.Check());
    } else if (draining) {
      waiter.answer(ShuttingDown());
    } else {
      waiter.answer(std::optional<v1::Lease>());
    }
  }
  lock.lock();
}

void LeaseQueue::Serve(std::unique_lock<std::mutex>& lock) {
  std::list<Waiter> waiting = std::move(waiters_);
  waiters_.clear();
  lock.unlock();
  std::map<std::tuple<std::vector<std::string>, bool, int>, std::list<Waiter>> kinds;
  while (!waiting.empty()) {
    const Waiter& first = waiting.front();
    auto& kind = kinds[{first.stages, first.has_gpu, first.devices}];
    kind.splice(kind.end(), waiting, waiting.begin());
  }
  for (auto& [kind, waiters] : kinds) ServeKind(&waiters);
  lock.lock();
  for (auto& [kind, waiters] : kinds) waiters_.splice(waiters_.begin(), waiters);
}

void LeaseQueue::ServeKind(std::list<Waiter>* waiters) {
  const auto failed = [&](const absl::Status& status) {
    telemetry::LogWarning("claiming tasks failed", {{"error", status.ToString()}});
    for (Waiter& waiter : *waiters) waiter.answer(status);
    waiters->clear();
  };
  // Workers of few devices: first gangs whose turn it is, then what they can run alone, and who
  // finds nothing waits for any gang.
  std::set<std::string> seated;
  if (waiters->front().devices > 0) {
    const auto gathered = store_->Gather(QueryFor(*waiters, {}), Store::GangTurn::kInOrder,
                                         SteadyNow() + kClaimDeadline);
    if (!gathered.ok()) return failed(gathered.status());
    Grant(gathered->granted, waiters);
    seated = gathered->seated;
  }
  if (const LeaseQuery query = QueryFor(*waiters, seated); !query.worker_ids.empty()) {
    const absl::Status claimed =
        store_->Claim(query, SteadyNow() + kClaimDeadline,
                      [&](const std::vector<GrantedLease>& granted) { Grant(granted, waiters); });
    if (!claimed.ok()) return failed(claimed);
  }
  if (waiters->empty() || waiters->front().devices == 0) return;
  if (const LeaseQuery query = QueryFor(*waiters, seated); !query.worker_ids.empty()) {
    const auto gathered =
        store_->Gather(query, Store::GangTurn::kNow, SteadyNow() + kClaimDeadline);
    if (!gathered.ok()) return failed(gathered.status());
    Grant(gathered->granted, waiters);
  }
}

LeaseQuery LeaseQueue::QueryFor(const std::list<Waiter>& waiters,
                                const std::set<std::string>& without) {
  LeaseQuery query;
  for (const Waiter& waiter : waiters) {
    query.stages = waiter.stages;
    query.has_gpu = waiter.has_gpu;
    query.devices = waiter.devices;
    if (without.count(waiter.worker_id) > 0) continue;
    query.worker_ids.push_back(waiter.worker_id);
    query.rank_addresses.push_back(waiter.rank_address);
  }
  return query;
}

absl::Status LeaseQueue::GiveBack(const GrantedLease& grant) {
  const absl::Time deadline = SteadyNow() + kClaimDeadline;
  const v1::Lease& lease = grant.lease;
  if (lease.seat().first_rank() == 0) {
    return store_->Release({lease.task_id(), grant.worker_id, lease.epoch()}, deadline);
  }
  v1::LeaveSeatRequest request;
  request.set_worker_id(grant.worker_id);
  request.set_task_id(lease.task_id());
  request.set_epoch(lease.epoch());
  request.set_reason(v1::LEAVE_REASON_RELEASED);
  return store_->LeaveSeat(request, deadline);
}

void LeaseQueue::Grant(const std::vector<GrantedLease>& granted, std::list<Waiter>* waiters) {
  for (const GrantedLease& grant : granted) {
    const auto waiter = std::find_if(
        waiters->begin(), waiters->end(),
        [&](const Waiter& candidate) { return candidate.worker_id == grant.worker_id; });
    const auto give_back = [&] {
      std::lock_guard lock(mutex_);
      to_give_back_.push_back(grant);
    };
    if (waiter == waiters->end()) {  // it got another one of two gangs formed at one moment
      give_back();
      continue;
    }
    if (waiter->cancel.Cancelled()) {
      give_back();
      waiter->answer(waiter->cancel.Check());
    } else {
      if (grant.lease.seat().first_rank() == 0) {  // the start of a gang is its leader's
        std::lock_guard lock(mutex_);
        GrantedLease record{grant.worker_id, {}};
        record.lease.set_job_id(grant.lease.job_id());
        record.lease.set_task_id(grant.lease.task_id());
        record.lease.set_epoch(grant.lease.epoch());
        to_record_.push_back(std::move(record));
      }
      waiter->answer(std::optional<v1::Lease>(grant.lease));
    }
    waiters->erase(waiter);
  }
}

std::vector<SeenWorker> LeaseQueue::TakeSeen() {
  const absl::Time now = SteadyNow();
  std::vector<SeenWorker> due = std::move(just_seen_);
  just_seen_.clear();
  if (now < next_seen_) return due;
  next_seen_ = now + kSeenCheck;
  for (const Waiter& waiter : waiters_) {
    absl::Time& last = seen_.try_emplace(waiter.worker_id, absl::InfinitePast()).first->second;
    if (now - last < options_.seen_period) continue;
    last = now;
    due.push_back({waiter.worker_id, waiter.stages, waiter.has_gpu, waiter.devices});
  }
  for (auto it = seen_.begin(); it != seen_.end();) {
    it = now - it->second > 2 * options_.seen_period ? seen_.erase(it) : std::next(it);
  }
  return due;
}

void LeaseQueue::RecordLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_ || !to_record_.empty() || !to_give_back_.empty()) {
    // A moment's wait lets more come together.
    granted_.wait_for(lock, absl::ToChronoMilliseconds(options_.record_after),
                      [this] { return stopping_; });
    std::vector<GrantedLease> leases = std::move(to_record_);
    to_record_.clear();
    const std::vector<GrantedLease> unwanted = std::move(to_give_back_);
    to_give_back_.clear();
    const std::vector<SeenWorker> seen = TakeSeen();
    lock.unlock();
    for (const GrantedLease& grant : unwanted) {
      // What is not given back runs out.
      Warn("giving back a lease that nobody waits for failed", GiveBack(grant));
    }
    const absl::Time deadline = SteadyNow() + kClaimDeadline;
    if (!leases.empty()) {
      // What is not recorded here is recorded when the leases end.
      Warn("recording starts failed", store_->RecordStarts(leases, deadline));
    }
    if (!seen.empty()) Warn("recording workers failed", store_->SawWorkers(seen, deadline));
    lock.lock();
  }
}

}  // namespace foundry::coordinator
