#include "services/coordinator/lease_queue.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/time/clock.h"
#include "common/telemetry/log.h"

namespace foundry::coordinator {
namespace {

constexpr absl::Duration kClaimDeadline = absl::Seconds(5);
// How soon a call notices that its client has gone.
constexpr absl::Duration kCancelCheck = absl::Milliseconds(200);

}  // namespace

LeaseQueue::LeaseQueue(Store* store, const Options& options)
    : store_(store), options_(options), thread_([this] { Run(); }) {}

LeaseQueue::~LeaseQueue() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  served_.notify_all();
  thread_.join();
}

void LeaseQueue::Drain() {
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
  }
  served_.notify_all();
}

void LeaseQueue::Wake() {
  {
    std::lock_guard lock(mutex_);
    look_ = true;
  }
  work_.notify_one();
}

absl::StatusOr<std::optional<v1::Lease>> LeaseQueue::Wait(const v1::LeaseTaskRequest& request,
                                                          absl::Time until,
                                                          const CancelToken& cancel) {
  Waiter waiter;
  waiter.query.stages.assign(request.stages().begin(), request.stages().end());
  std::sort(waiter.query.stages.begin(), waiter.query.stages.end());
  waiter.query.has_gpu = request.has_gpu();
  waiter.query.worker_ids = {request.worker_id()};
  std::unique_lock lock(mutex_);
  waiters_.push_back(&waiter);
  look_ = true;
  work_.notify_one();
  const auto answered = [&] { return waiter.lease.has_value() || !waiter.error.ok(); };
  // While a claim is under way for this waiter its result must be taken, or a lease gets lost.
  while (!answered() &&
         (waiter.claiming || (!draining_ && !cancel.Cancelled() && absl::Now() < until))) {
    served_.wait_until(lock, absl::ToChronoTime(std::min(until, absl::Now()) + kCancelCheck));
  }
  waiters_.remove(&waiter);
  const bool drained = draining_;
  lock.unlock();
  if (!waiter.error.ok()) return waiter.error;
  if (drained && !waiter.lease.has_value()) {
    return absl::UnavailableError("the coordinator is shutting down");
  }
  if (waiter.lease.has_value() && cancel.Cancelled()) {
    (void)store_->Release({waiter.lease->task_id(), request.worker_id(), waiter.lease->epoch()},
                          absl::Now() + kClaimDeadline);
    return cancel.Check();
  }
  return std::move(waiter.lease);
}

void LeaseQueue::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto timeout =
        absl::ToChronoMilliseconds(waiters_.empty() ? absl::Minutes(1) : options_.poll);
    work_.wait_for(lock, timeout, [this] { return look_ || stopping_; });
    look_ = false;
    if (!stopping_ && !waiters_.empty()) Serve(lock);
  }
}

void LeaseQueue::Serve(std::unique_lock<std::mutex>& lock) {
  std::map<std::pair<std::vector<std::string>, bool>, std::vector<Waiter*>> kinds;
  for (Waiter* waiter : waiters_) {
    if (waiter->lease.has_value() || !waiter->error.ok()) continue;
    waiter->claiming = true;
    kinds[{waiter->query.stages, waiter->query.has_gpu}].push_back(waiter);
  }
  lock.unlock();
  struct Answer {
    Waiter* waiter;
    std::optional<v1::Lease> lease;
    absl::Status error;
  };
  std::vector<Answer> answers;
  for (const auto& [kind, waiters] : kinds) {
    LeaseQuery query{.stages = kind.first, .has_gpu = kind.second};
    std::multimap<std::string, Waiter*> by_worker;  // a worker may wait for several tasks
    for (Waiter* waiter : waiters) {
      query.worker_ids.push_back(waiter->query.worker_ids[0]);
      by_worker.emplace(query.worker_ids.back(), waiter);
    }
    auto granted = store_->Lease(query, absl::Now() + kClaimDeadline);
    if (!granted.ok()) {
      telemetry::LogWarning("claiming tasks failed", {{"error", granted.status().ToString()}});
      for (Waiter* waiter : waiters) answers.push_back({waiter, std::nullopt, granted.status()});
      continue;
    }
    for (GrantedLease& grant : *granted) {
      const auto found = by_worker.find(grant.worker_id);
      answers.push_back({found->second, std::move(grant.lease), {}});
      by_worker.erase(found);
    }
  }
  lock.lock();
  for (Answer& answer : answers) {
    answer.waiter->lease = std::move(answer.lease);
    answer.waiter->error = answer.error;
  }
  for (const auto& [kind, waiters] : kinds) {
    for (Waiter* waiter : waiters) waiter->claiming = false;
  }
  served_.notify_all();
}

}  // namespace foundry::coordinator
