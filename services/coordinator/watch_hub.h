// The open WatchJob streams. A watched job is read once for all of its streams, whose messages are
// shared; a stream holds no thread, only where it stands. A few threads read: when a job changed,
// at most ten times a second, and every second for progress, which leaves no event; less often when
// there are so many jobs, or ones so large, that reading would take more than a part of the time.
//
// A stream gets a snapshot, the events after the number it gave, then newer snapshots (the newest
// only) and all events in their order, and ends when the job has ended. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/rpc/async_stream.h"
#include "foundry/coordinator/v1/jobs.pb.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

class WatchHub {
 public:
  using Stream = rpc::AsyncStream<v1::WatchJobResponse>;
  struct Options {
    int threads = 4;
    absl::Duration least_period = absl::Milliseconds(100);  // between two looks at a job
    absl::Duration period = absl::Seconds(1);               // of looks at a job without changes
    // Of looks without a change, by all threads; more jobs are looked at less often.
    int looks_per_second = 200;
    int64_t recent_events = 1000;  // kept of a watched job
    int catch_up = 100;            // events read at once for a stream that is behind those
  };

  // `store` must outlive it.
  WatchHub(Store* store, const Options& options);
  // Ends every stream.
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;

  // Answers what to call when the stream moved (see rpc::Frame::AsyncServerStream).
  std::function<void()> Watch(const std::string& job_id, int64_t after_event_id,
                              std::shared_ptr<Stream> stream);

  // Empty: any job may have changed.
  void Changed(const std::string& job_id);

  // Ends every stream, now and from now on: Unavailable.
  void Drain();

 private:
  using Message = std::shared_ptr<const v1::WatchJobResponse>;
  struct Watcher {
    std::shared_ptr<Stream> stream;
    int64_t after = 0;         // the last event sent
    int64_t snapshot = 0;      // number of the last snapshot sent
    std::deque<Message> late;  // the next events, older than those the feed keeps
    bool catching_up = false;  // they are being read
  };
  using WatcherPtr = std::shared_ptr<Watcher>;
  // A watched job. Guarded by its own mutex, which is taken after the hub's, but for the schedule.
  struct Feed {
    explicit Feed(std::string id) : job_id(std::move(id)) {}
    const std::string job_id;
    std::mutex mutex;
    std::set<WatcherPtr> watchers;
    Message snapshot;
    int64_t snapshot_number = 0;
    std::string compared;        // the snapshot's bytes without what always changes
    std::deque<Message> events;  // the newest, without gaps
    int64_t last_event = -1;     // number of the newest one; -1: none was read yet
    bool over = false;           // the job has ended, and the last event is here
    // Guarded by the hub's mutex.
    absl::Time next_look = absl::InfiniteFuture();
    absl::Time earliest_look = absl::InfinitePast();
    bool looking = false;
    bool changed = false;  // while looking
  };
  using FeedPtr = std::shared_ptr<Feed>;

  void Run();
  // Reads the job and sends what is new.
  void Look(const FeedPtr& feed);
  absl::Status Read(Feed& feed);
  // Sends the next message to the watcher, or ends it. True: it needs older events first. Needs the
  // feed's mutex.
  static bool Pump(Feed& feed, const WatcherPtr& watcher);
  // Reads some of those and goes on.
  void CatchUp(const FeedPtr& feed, const WatcherPtr& watcher);
  void Behind(const FeedPtr& feed, const WatcherPtr& watcher);
  static void End(Feed& feed, const WatcherPtr& watcher, const absl::Status& status);
  // Need the hub's mutex.
  void Schedule(const FeedPtr& feed, absl::Time when);
  absl::Duration IdlePeriod() const;

  Store* const store_;
  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, FeedPtr> feeds_;               // guarded by mutex_
  std::set<std::pair<absl::Time, FeedPtr>> schedule_;  // guarded by mutex_
  std::deque<std::pair<FeedPtr, WatcherPtr>> behind_;  // guarded by mutex_
  bool draining_ = false;                              // guarded by mutex_
  bool stopping_ = false;                              // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace foundry::coordinator
