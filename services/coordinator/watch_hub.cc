#include "services/coordinator/watch_hub.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "services/coordinator/state.h"

namespace foundry::coordinator {
namespace {

constexpr absl::Duration kReadDeadline = absl::Seconds(15);
// Looks at one job take at most this part of the time.
constexpr int kShareOfTime = 5;
constexpr int kEventBatch = 500;

}  // namespace

WatchHub::WatchHub(Store* store, const Options& options) : store_(store), options_(options) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Run(); });
}

WatchHub::~WatchHub() {
  Drain();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::function<void()> WatchHub::Watch(const std::string& job_id, int64_t after_event_id,
                                      std::shared_ptr<Stream> stream) {
  auto watcher = std::make_shared<Watcher>();
  watcher->stream = std::move(stream);
  watcher->after = after_event_id;
  FeedPtr feed;
  {
    std::lock_guard lock(mutex_);
    if (draining_) {
      watcher->stream->Finish(absl::UnavailableError("the coordinator is shutting down"));
      return [] {};
    }
    FeedPtr& found = feeds_[job_id];
    if (found == nullptr) {
      found = std::make_shared<Feed>(job_id);
      Schedule(found, SteadyNow());
    }
    feed = found;
    std::lock_guard feed_lock(feed->mutex);
    feed->watchers.insert(watcher);
  }
  auto moved = [this, feed, watcher] {
    bool behind;
    {
      std::lock_guard lock(feed->mutex);
      behind = Pump(*feed, watcher);
    }
    if (behind) Behind(feed, watcher);
  };
  moved();
  return moved;
}

void WatchHub::Changed(const std::string& job_id) {
  std::lock_guard lock(mutex_);
  const auto look = [&](const FeedPtr& feed) {
    if (feed->looking) {
      feed->changed = true;
    } else {
      Schedule(feed, std::min(feed->next_look, std::max(SteadyNow(), feed->earliest_look)));
    }
  };
  if (job_id.empty()) {
    for (auto& [id, feed] : feeds_) look(feed);
  } else if (const auto found = feeds_.find(job_id); found != feeds_.end()) {
    look(found->second);
  }
}

void WatchHub::Drain() {
  std::map<std::string, FeedPtr> feeds;
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
    feeds.swap(feeds_);
    schedule_.clear();
    behind_.clear();
  }
  for (auto& [id, feed] : feeds) {
    std::lock_guard lock(feed->mutex);
    for (const WatcherPtr& watcher : std::set<WatcherPtr>(feed->watchers)) {
      End(*feed, watcher, absl::UnavailableError("the coordinator is shutting down"));
    }
  }
}

void WatchHub::Schedule(const FeedPtr& feed, absl::Time when) {
  schedule_.erase({feed->next_look, feed});
  feed->next_look = when;
  schedule_.insert({when, feed});
  changed_.notify_one();
}

absl::Duration WatchHub::IdlePeriod() const {
  return std::max(options_.period,
                  absl::Seconds(static_cast<double>(feeds_.size()) / options_.looks_per_second));
}

void WatchHub::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!behind_.empty()) {
      const auto [feed, watcher] = behind_.front();
      behind_.pop_front();
      lock.unlock();
      CatchUp(feed, watcher);
      lock.lock();
      continue;
    }
    if (schedule_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto [when, feed] = *schedule_.begin();
    if (when > SteadyNow()) {
      changed_.wait_for(lock, WaitTime(when));
      continue;
    }
    schedule_.erase(schedule_.begin());
    feed->next_look = absl::InfiniteFuture();
    feed->looking = true;
    feed->changed = false;
    lock.unlock();
    const absl::Time start = SteadyNow();
    Look(feed);
    const absl::Time now = SteadyNow();
    lock.lock();
    feed->looking = false;
    const auto known = feeds_.find(feed->job_id);
    if (known == feeds_.end() || known->second != feed) continue;  // drained
    {
      std::lock_guard feed_lock(feed->mutex);
      if (feed->watchers.empty()) {
        feeds_.erase(known);
        continue;
      }
    }
    feed->earliest_look = now + std::max(options_.least_period, (now - start) * kShareOfTime);
    Schedule(feed, feed->changed ? feed->earliest_look
                                 : std::max(feed->earliest_look, now + IdlePeriod()));
  }
}

void WatchHub::Look(const FeedPtr& feed) {
  const absl::Status status = Read(*feed);
  std::vector<WatcherPtr> behind;
  {
    std::lock_guard lock(feed->mutex);
    for (const WatcherPtr& watcher : std::set<WatcherPtr>(feed->watchers)) {
      if (absl::IsNotFound(status)) {
        End(*feed, watcher, status);
      } else if (Pump(*feed, watcher)) {
        behind.push_back(watcher);
      }
    }
  }
  // Other errors pass: the streams stay open and the job is looked at again.
  for (const WatcherPtr& watcher : behind) Behind(feed, watcher);
}

absl::Status WatchHub::Read(Feed& feed) {
  const absl::Time deadline = SteadyNow() + kReadDeadline;
  FOUNDRY_ASSIGN_OR_RETURN(v1::Job job, store_->GetJob(feed.job_id, deadline));
  const int64_t last_event = job.last_event_id();
  const bool over = IsEnd(job.state());
  // The time left changes with every look; it alone is no news.
  v1::Job compared = job;
  for (v1::Step& step : *compared.mutable_steps()) step.clear_eta_seconds();
  std::string bytes = compared.SerializeAsString();
  int64_t from;
  {
    std::lock_guard lock(feed.mutex);
    from = feed.last_event >= 0 ? feed.last_event
                                : std::max<int64_t>(0, last_event - options_.recent_events);
  }
  std::vector<Message> fresh;  // only this thread adds events of the feed
  while (from < last_event) {
    FOUNDRY_ASSIGN_OR_RETURN(auto events, store_->Events(feed.job_id, from, kEventBatch, deadline));
    if (events.empty()) break;
    for (v1::Event& event : events) {
      from = event.event_id();
      auto message = std::make_shared<v1::WatchJobResponse>();
      *message->mutable_event() = std::move(event);
      fresh.push_back(std::move(message));
    }
  }
  std::lock_guard lock(feed.mutex);
  if (bytes != feed.compared) {
    feed.compared = std::move(bytes);
    auto message = std::make_shared<v1::WatchJobResponse>();
    *message->mutable_snapshot() = std::move(job);
    feed.snapshot = std::move(message);
    ++feed.snapshot_number;
  }
  for (Message& message : fresh) feed.events.push_back(std::move(message));
  while (static_cast<int64_t>(feed.events.size()) > options_.recent_events) {
    feed.events.pop_front();
  }
  feed.last_event = from;
  feed.over = over;
  return absl::OkStatus();
}

void WatchHub::End(Feed& feed, const WatcherPtr& watcher, const absl::Status& status) {
  if (feed.watchers.erase(watcher) > 0) watcher->stream->Finish(status);
}

bool WatchHub::Pump(Feed& feed, const WatcherPtr& watcher) {
  if (feed.watchers.count(watcher) == 0) return false;  // it has ended
  if (watcher->stream->Over()) {
    End(feed, watcher, absl::CancelledError("the client went away or its deadline passed"));
    return false;
  }
  if (feed.snapshot == nullptr || watcher->catching_up) return false;
  if (watcher->snapshot == 0) {
    if (watcher->stream->TryWrite(feed.snapshot)) watcher->snapshot = feed.snapshot_number;
    return false;
  }
  if (watcher->after < feed.last_event) {
    const int64_t first = feed.last_event - static_cast<int64_t>(feed.events.size()) + 1;
    const bool kept = watcher->after + 1 >= first;
    if (kept) watcher->late.clear();
    if (!kept && watcher->late.empty()) {
      watcher->catching_up = true;
      return true;
    }
    const Message& next = kept ? feed.events[watcher->after + 1 - first] : watcher->late.front();
    const int64_t number = next->event().event_id();
    if (!watcher->stream->TryWrite(next)) return false;
    watcher->after = number;
    if (!kept) watcher->late.pop_front();
    return false;
  }
  if (watcher->snapshot < feed.snapshot_number) {
    if (watcher->stream->TryWrite(feed.snapshot)) watcher->snapshot = feed.snapshot_number;
    return false;
  }
  if (feed.over) End(feed, watcher, absl::OkStatus());
  return false;
}

void WatchHub::Behind(const FeedPtr& feed, const WatcherPtr& watcher) {
  {
    std::lock_guard lock(mutex_);
    behind_.emplace_back(feed, watcher);
  }
  changed_.notify_one();
}

void WatchHub::CatchUp(const FeedPtr& feed, const WatcherPtr& watcher) {
  int64_t after;
  {
    std::lock_guard lock(feed->mutex);
    after = watcher->after;
  }
  auto events = store_->Events(feed->job_id, after, options_.catch_up, SteadyNow() + kReadDeadline);
  std::lock_guard lock(feed->mutex);
  watcher->catching_up = false;
  if (!events.ok()) return;  // the next look at the job tries again
  for (v1::Event& event : *events) {
    auto message = std::make_shared<v1::WatchJobResponse>();
    *message->mutable_event() = std::move(event);
    watcher->late.push_back(std::move(message));
  }
  if (watcher->late.empty()) {
    // Dropped by age: what is left begins later.
    watcher->after = feed->last_event - static_cast<int64_t>(feed->events.size());
  }
  (void)Pump(*feed, watcher);
}

}  // namespace foundry::coordinator
