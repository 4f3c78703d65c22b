#include "services/coordinator/schedule.h"

#include <map>
#include <queue>
#include <tuple>

namespace foundry::coordinator {
namespace {

// What a job's entries of several stages share.
struct JobShare {
  int running = 0;
  int max_running = 0;
  bool overdue = false;
};

struct Entry {
  const ReadyWork* work;
  JobShare* job;
  // As it was when the entry was queued: a job that got more since is queued anew.
  bool overdue;
  int running;

  auto Rank() const {
    return std::make_tuple(!overdue, overdue ? 0 : -work->priority, running, work->first_position);
  }
  bool operator<(const Entry& other) const { return Rank() > other.Rank(); }  // least on top
};

}  // namespace

std::vector<Allotment> ShareOut(const std::vector<ReadyWork>& work, int workers) {
  std::map<std::string, JobShare> jobs;
  for (const ReadyWork& ready : work) {
    JobShare& job = jobs[ready.job_id];
    job.running = ready.running;
    job.max_running = ready.max_running;
    job.overdue |= ready.waited >= kOverdue;
  }
  std::priority_queue<Entry> queue;
  for (const ReadyWork& ready : work) {
    JobShare& job = jobs[ready.job_id];
    queue.push({&ready, &job, job.overdue, job.running});
  }
  std::vector<Allotment> allotments;
  std::map<const ReadyWork*, size_t> index;
  while (workers > 0 && !queue.empty()) {
    Entry top = queue.top();
    queue.pop();
    JobShare& job = *top.job;
    if (job.max_running > 0 && job.running >= job.max_running) continue;
    if (top.overdue != job.overdue || top.running != job.running) {
      queue.push({top.work, &job, job.overdue, job.running});
      continue;
    }
    const auto [found, added] = index.try_emplace(top.work, allotments.size());
    if (added) {
      allotments.push_back({top.work->job_id, top.work->stage, 0, job.max_running > 0});
    }
    ++allotments[found->second].most;
    ++job.running;
    job.overdue = false;
    --workers;
    queue.push({top.work, &job, job.overdue, job.running});
  }
  return allotments;
}

}  // namespace foundry::coordinator
