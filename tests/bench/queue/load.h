// What the queue's benchmark puts on a coordinator: workers that take, report and complete tasks,
// and a client that makes jobs. Everything goes over the public gRPC API.
//
// Each worker is a connection of its own and one task at a time, as a worker process with one slot;
// its calls follow each other from gRPC's callbacks, so that the generator needs few threads and is
// not what is measured. Errors end the program: a benchmark with failed calls says nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace foundry::bench {

// Makes a job of `tasks` tasks that may run at once (shards of an extraction). Answers its id.
std::string CreateJob(const std::string& address, const std::string& name, int tasks);

struct LivesOptions {
  int workers = 1;
  absl::Duration warmup = absl::Seconds(1);
  absl::Duration duration = absl::Seconds(5);
};

// Whole lives (LeaseTask, Heartbeat, CompleteTask) a second, of tasks that exist already.
double MeasureLives(const std::string& address, const LivesOptions& options);

struct PickupOptions {
  int workers = 16;
  double tasks_per_second = 100;
  absl::Duration warmup = absl::Seconds(1);
  absl::Duration duration = absl::Seconds(10);
};

// Milliseconds from sending the call that makes a task ready (CreateJob of a job with one shard, or
// the CompleteTask that its join waits for) to having its lease.
std::vector<double> MeasurePickup(const std::string& address, const PickupOptions& options);

struct Fanout {
  int streams = 0;
  double open_seconds = 0;           // until each had its first snapshot
  std::vector<double> event_millis;  // from a CompleteTask to the event of it at each stream
};

// Opens `streams` WatchJob streams, shared out over the jobs, completes one task of each job, and
// calls `opened` while all streams are open.
Fanout MeasureStreams(const std::string& address, const std::vector<std::string>& jobs, int streams,
                      const std::function<void()>& opened);

}  // namespace foundry::bench
