// Claiming ready tasks for workers.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "services/coordinator/claim_sql.h"
#include "services/coordinator/schedule.h"
#include "services/coordinator/store.h"
#include "services/coordinator/store_lease.h"

namespace foundry::coordinator {
namespace {

// Reading the numbers of running tasks takes at most a twentieth of the time.
constexpr int kRunningShare = 20;

using Floors = std::map<ReadyFloors::Key, int64_t>;

// Jobs, stages, floors and numbers of tasks for kClaimSql.
struct ClaimArrays {
  ClaimArrays(const std::vector<Allotment>& allotments, const Floors& floors) {
    for (const Allotment& allotment : allotments) {
      const ReadyFloors::Key key{allotment.job_id, allotment.stage};
      const auto floor = floors.find(key);
      jobs.push_back(allotment.job_id);
      stages.push_back(allotment.stage);
      from.push_back(floor == floors.end() ? 0 : floor->second);
      most.push_back(allotment.most);
      most_of[key] = allotment.most;
    }
  }
  std::vector<std::string> jobs, stages;
  std::vector<int64_t> from;
  std::vector<int> most;
  std::map<ReadyFloors::Key, int> most_of;
};

struct FloorArrays {
  explicit FloorArrays(const Floors& floors) {
    for (const auto& [key, position] : floors) {
      jobs.push_back(key.first);
      stages.push_back(key.second);
      positions.push_back(position);
    }
  }
  std::vector<std::string> jobs, stages;
  std::vector<int64_t> positions;
};

std::vector<ReadyWork> ReadReadyWork(pqxx::transaction_base& work, const LeaseQuery& query,
                                     const Floors& floors) {
  const FloorArrays arrays(floors);
  std::vector<ReadyWork> ready;
  for (const auto& row :
       Exec(work, kReadyWorkSql, TextArray(query.stages), query.has_gpu, TextArray(arrays.jobs),
            TextArray(arrays.stages), NumberArray(arrays.positions), query.devices)) {
    ReadyWork& item = ready.emplace_back();
    item.job_id = row[0].as<std::string>();
    item.stage = row[1].as<std::string>();
    item.first_position = row[2].as<int64_t>();
    item.priority = row[3].as<int>();
    item.max_running = row[4].as<int>();
    item.waited = absl::Seconds(row[5].as<double>());
  }
  return ready;
}

// Makes limits exact: who holds a job's lock is the only one that claims for it, and sees every
// claim before. A job whose lock is taken is left out; its other claimant is about to be done.
std::vector<Allotment> WithinLimits(pqxx::transaction_base& work, std::vector<Allotment> allotments,
                                    const std::vector<ReadyWork>& ready) {
  std::map<std::string, int> left;  // of limited jobs
  for (Allotment& allotment : allotments) {
    if (!allotment.limited) continue;
    const auto [found, added] = left.try_emplace(allotment.job_id, 0);
    if (added && Exec(work, "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 7))",
                      allotment.job_id)[0][0]
                     .as<bool>()) {
      const auto job = std::find_if(ready.begin(), ready.end(), [&](const ReadyWork& item) {
        return item.job_id == allotment.job_id;
      });
      found->second =
          job->max_running -
          Exec(work, "SELECT count(*) FROM heartbeats WHERE job_id = $1", allotment.job_id)[0][0]
              .as<int>();
    }
    allotment.most = std::clamp(found->second, 0, allotment.most);
    found->second -= allotment.most;
  }
  allotments.erase(std::remove_if(allotments.begin(), allotments.end(),
                                  [](const Allotment& allotment) { return allotment.most == 0; }),
                   allotments.end());
  return allotments;
}

std::vector<std::string> WorkersOf(const std::vector<GrantedLease>& granted) {
  std::vector<std::string> workers;
  for (const GrantedLease& grant : granted) workers.push_back(grant.worker_id);
  return workers;
}

}  // namespace

// The work that a claim chooses from.
struct Store::Look {
  std::vector<ReadyWork> ready;
  Floors floors;
  int64_t generation = 0;  // of the floors
};

// What one transaction leased.
struct Store::Round {
  std::vector<GrantedLease> granted;
  Floors next;  // below which nothing was left
  // Every job that it saw had less than it was allotted: nothing is left where it looked.
  bool exhausted = true;
};

absl::StatusOr<std::vector<GrantedLease>> Store::Lease(const LeaseQuery& query,
                                                       absl::Time deadline) {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<GrantedLease> granted, Claim(query, deadline));
  // The leases stand whether or not their starts could be recorded; their ends record them then.
  (void)RecordStarts(granted, deadline);
  return granted;
}

absl::StatusOr<std::vector<GrantedLease>> Store::Claim(const LeaseQuery& query,
                                                       absl::Time deadline) {
  std::vector<GrantedLease> granted;
  const absl::Status status = Claim(query, deadline, [&](std::vector<GrantedLease> round) {
    for (GrantedLease& grant : round) granted.push_back(std::move(grant));
  });
  if (!status.ok() && granted.empty()) return status;
  return granted;
}

absl::Status Store::Claim(const LeaseQuery& query, absl::Time deadline,
                          const std::function<void(std::vector<GrantedLease>)>& granted) {
  if (query.worker_ids.empty() || query.stages.empty()) return absl::OkStatus();
  if (floors_.FullLookDue(SteadyNow())) floors_.ForgetAll(SteadyNow());
  LeaseQuery left = query;
  bool some = false;
  for (;;) {
    const bool full = floors_.empty();
    const absl::Time start = SteadyNow();
    FOUNDRY_ASSIGN_OR_RETURN(Round round, ClaimRound(left, deadline));
    if (full) floors_.FullLookTook(SteadyNow() - start);
    left.worker_ids.erase(left.worker_ids.begin(),
                          left.worker_ids.begin() + static_cast<int64_t>(round.granted.size()));
    const bool more = !round.granted.empty() && !round.exhausted;
    some |= !round.granted.empty();
    if (!round.granted.empty()) granted(std::move(round.granted));
    if (left.worker_ids.empty()) return absl::OkStatus();
    if (more) continue;
    // Nothing is left above the floors. What came back below them is looked for, unless that is
    // dear, or can wait for the next claim because this one was of use.
    if (full || some || !floors_.FullLookAllowed(SteadyNow())) return absl::OkStatus();
    floors_.ForgetAll(SteadyNow());
  }
}

absl::StatusOr<Store::Look> Store::LookForWork(const LeaseQuery& query, absl::Time deadline) {
  Look look;
  look.generation = floors_.generation();
  look.floors = floors_.Snapshot();
  FOUNDRY_RETURN_IF_ERROR(
      relaxed_.Singly("ready tasks", deadline, [&](pqxx::transaction_base& work) -> absl::Status {
        look.ready = ReadReadyWork(work, query, look.floors);
        FillRunning(work, &look.ready);
        return absl::OkStatus();
      }));
  SinceLastStarts(&look.ready);
  return look;
}

absl::StatusOr<Store::Round> Store::ClaimRound(const LeaseQuery& query, absl::Time deadline) {
  FOUNDRY_ASSIGN_OR_RETURN(const Look look, LookForWork(query, deadline));
  const std::vector<Allotment> shares =
      ShareOut(look.ready, static_cast<int>(query.worker_ids.size()));
  Round round;
  if (!shares.empty()) {
    const auto claim = [&](pqxx::transaction_base& work) -> absl::Status {
      FOUNDRY_ASSIGN_OR_RETURN(round, ClaimShares(work, query, look, shares));
      return absl::OkStatus();
    };
    // Limits hold a lock, seats go with what their workers claim, and a training is not leased when
    // its checkpoint cannot be read; else one statement does all.
    const bool together =
        query.devices > 0 || std::any_of(shares.begin(), shares.end(), [](const Allotment& share) {
          return share.limited || share.stage == kTrainerStage;
        });
    FOUNDRY_RETURN_IF_ERROR(together ? relaxed_.Transact("lease tasks", deadline, claim)
                                     : relaxed_.Singly("lease tasks", deadline, claim));
  }
  for (const auto& [key, position] : round.next) floors_.Raise(key, position, look.generation);
  NoteGrants(round.granted);
  return round;
}

absl::StatusOr<Store::Round> Store::ClaimShares(pqxx::transaction_base& work,
                                                const LeaseQuery& query, const Look& look,
                                                const std::vector<Allotment>& shares) {
  Round round;
  // Of jobs that get nothing this time, too: what was stepped over to find their first ready tasks
  // must not be stepped over again by every claim.
  for (const ReadyWork& item : look.ready) {
    round.next[{item.job_id, item.stage}] = item.first_position;
  }
  const ClaimArrays arrays(WithinLimits(work, shares, look.ready), look.floors);
  if (arrays.jobs.empty()) return round;
  std::map<ReadyFloors::Key, int> left = arrays.most_of;
  for (const auto& row :
       Exec(work, kClaimSql, TextArray(arrays.jobs), TextArray(arrays.stages),
            NumberArray(arrays.from), NumberArray(arrays.most), query.has_gpu,
            TextArray(query.worker_ids), Interval(options_.lease), query.devices)) {
    FOUNDRY_ASSIGN_OR_RETURN(GrantedLease grant, ReadLease(row, options_.lease));
    const ReadyFloors::Key key{grant.lease.job_id(), row[8].as<std::string>()};
    int64_t& position = round.next[key];
    position = std::max(position, row[9].as<int64_t>() + 1);
    --left[key];
    round.granted.push_back(std::move(grant));
  }
  if (query.devices > 0 && !round.granted.empty()) {
    // Who has other work holds no seat.
    Exec(work, "DELETE FROM seats WHERE epoch = 0 AND worker_id = ANY($1::text[])",
         TextArray(WorkersOf(round.granted)));
  }
  // Jobs that others claim for now (limits) or that got no share are left for the next round.
  round.exhausted =
      left.size() == look.ready.size() &&
      std::all_of(left.begin(), left.end(), [](const auto& of_job) { return of_job.second > 0; });
  FOUNDRY_RETURN_IF_ERROR(FillCheckpoints(work, &round.granted));
  return round;
}

void Store::NoteGrants(const std::vector<GrantedLease>& granted) {
  std::lock_guard lock(mutex_);
  if (job_of_.size() >= kMostJobsOfTasks) job_of_.clear();
  for (const GrantedLease& grant : granted) {
    job_of_[grant.lease.task_id()] = grant.lease.job_id();
    last_start_[grant.lease.job_id()] = SteadyNow();
    ++running_[grant.lease.job_id()];
  }
}

void Store::FillRunning(pqxx::transaction_base& work, std::vector<ReadyWork>* ready) {
  const bool limited = std::any_of(ready->begin(), ready->end(),
                                   [](const ReadyWork& item) { return item.max_running > 0; });
  if (!limited && ready->size() < 2) return;  // shares matter only between jobs
  const absl::Time start = SteadyNow();
  std::unique_lock lock(mutex_);
  if (limited || start >= running_until_) {
    lock.unlock();
    std::unordered_map<std::string, int> running;
    for (const auto& row : Exec(work, "SELECT job_id, count(*) FROM heartbeats GROUP BY job_id")) {
      running[row[0].as<std::string>()] = row[1].as<int>();
    }
    const absl::Time end = SteadyNow();
    lock.lock();
    running_ = std::move(running);
    running_until_ = options_.shares_age == absl::ZeroDuration()
                         ? end
                         : end + std::max(options_.shares_age, (end - start) * kRunningShare);
  }
  for (ReadyWork& item : *ready) {
    const auto found = running_.find(item.job_id);
    if (found != running_.end()) item.running = found->second;
  }
}

void Store::SinceLastStarts(std::vector<ReadyWork>* ready) {
  const absl::Time now = SteadyNow();
  std::lock_guard lock(mutex_);
  if (last_start_.size() > kMostLastStarts) {
    for (auto it = last_start_.begin(); it != last_start_.end();) {
      it = now - it->second > kOverdue ? last_start_.erase(it) : std::next(it);
    }
  }
  for (ReadyWork& item : *ready) {
    const auto found = last_start_.find(item.job_id);
    if (found != last_start_.end()) item.waited = std::min(item.waited, now - found->second);
  }
}

}  // namespace foundry::coordinator
