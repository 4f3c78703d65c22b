// Clients that keep a number of jobs open, and the judgement of what became of them.
//
// A job extracts a file of records that are known, in shards, and joins them: what lies in its
// output_dir in the end must be those records, each once. Jobs that were given up because their
// workers were killed too often are retried, as a person would.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "tests/chaos/jobs.h"

namespace foundry::chaos {

struct LoadReport {
  std::vector<std::string> problems;  // empty: nothing lost, stale, doubled or open
  int jobs = 0;
  int tasks = 0;
  int retried_jobs = 0;
  int repeated_leases = 0;              // attempts beyond the first
  std::vector<absl::Time> completions;  // of tasks, sorted
  // Completed tasks a second between two instants.
  double Rate(absl::Time from, absl::Time to) const;
  // How long after `from` the first two seconds began that saw `rate`; negative: never.
  absl::Duration BackAt(double rate, absl::Time from) const;
};

class Load {
 public:
  // Keeps `open_jobs` of them open from now on. Names begin with `prefix`.
  Load(ChaosCluster* cluster, std::string prefix, int open_jobs = 4);
  ~Load();

  // Jobs seen ended so far; grows while everything is well.
  int finished_jobs() const { return finished_; }

  // No new jobs; waits until those there are have ended, at most `limit`, and judges all of them.
  LoadReport Finish(absl::Duration limit);

 private:
  struct Job {
    ChaosJob job;
    bool ended = false;
  };
  void Run();
  bool Create(int number);
  void Judge(const ChaosJob& job, const Acknowledged& acknowledged, LoadReport* report);

  ChaosCluster* const cluster_;
  const std::string prefix_;
  const int open_jobs_;
  std::vector<Job> jobs_;  // of the thread until it has ended
  std::atomic<int> finished_{0};
  std::atomic<bool> stopping_{false};
  CancelToken give_up_;
  std::thread thread_;
};

}  // namespace foundry::chaos
