// Generations: one leader, every rank once, and nothing accepted from one that has ended.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/coordinator/testing/checked_task.h"

namespace foundry::coordinator {

absl::Duration CheckedTask::Until() const {
  absl::Duration end = until;
  // What is being cancelled is the leader's to end, whatever becomes of the others.
  if (world_size == 0 || cancelling) return end;
  if (ranks_given < world_size) end = std::min(end, seats_until);
  for (const auto& [name, seat] : seats) {
    if (!seat.left) end = std::min(end, seat.until);
  }
  return end;
}

void CheckedTask::Begin(const Call& call, absl::Duration until_then) {
  epoch = call.epoch;
  worker.clear();
  held = true;
  fenced = cancelling = false;
  until = until_then;
  world_size = call.world_size;
  ranks_given = 0;
  seats.clear();
  meeting.clear();
}

void CheckSeatGiven(const History& history, const Call& call, CheckedTask* task,
                    const Report& report) {
  const auto add = [&](Problem problem, const char* what) {
    report(problem, absl::StrCat(what, ": ", Describe(call)));
  };
  if (call.epoch != task->epoch) {
    task->Begin(call, call.time + history.seat);
    task->seats_until = task->until;
  } else if (!task->held) {
    add(Problem::kStale, "a seat of a generation that had ended");
  } else if (call.kind == CallKind::kLease && !task->worker.empty()) {
    add(Problem::kDouble, "a second leader of one generation");
  }
  if (call.world_size != task->world_size) add(Problem::kIllegal, "another number of ranks");
  if (call.world_size < call.fewest_ranks || call.world_size > call.most_ranks) {
    add(Problem::kIllegal, "more or fewer ranks than the task does with");
  }
  if (call.ranks < 1 || call.first_rank < 0 || call.first_rank + call.ranks > call.world_size) {
    add(Problem::kIllegal, "ranks that are not there");
  }
  if ((call.kind == CallKind::kLease) != (call.first_rank == 0)) {
    add(Problem::kIllegal, "who has rank 0 leads");
  }
  for (const auto& [name, seat] : task->seats) {
    const bool apart = call.first_rank + call.ranks <= seat.first_rank ||
                       seat.first_rank + seat.ranks <= call.first_rank;
    if (!apart) add(Problem::kDouble, "a rank that another worker has");
  }
  task->ranks_given += call.ranks;
  if (task->ranks_given > task->world_size) add(Problem::kDouble, "ranks given twice");
  if (call.kind == CallKind::kLease) {
    task->worker = call.worker;
  } else {
    task->seats[call.worker] = {call.first_rank, call.ranks, task->seats_until};
  }
}

void CheckSeatWord(const History& history, const Call& call, CheckedTask* task,
                   const Report& report) {
  const auto found = task->seats.find(call.worker);
  const bool current =
      call.epoch == task->epoch && task->held && found != task->seats.end() && !found->second.left;
  if (!call.accepted) {
    if (current && call.time < task->Until() - history.uncertainty) {
      report(Problem::kRefused, absl::StrCat("its seat stands: ", Describe(call)));
    }
    return;
  }
  if (!current) {
    return report(Problem::kStale, absl::StrCat("the generation had ended: ", Describe(call)));
  }
  CheckedSeat& seat = found->second;
  if (call.kind == CallKind::kSeatBeat) {
    seat.until = call.time + history.lease;
    if (call.manifest != task->meeting) {
      report(Problem::kStale,
             absl::StrCat("told to meet at ", call.manifest, ", open is ",
                          task->meeting.empty() ? "nothing" : task->meeting, ": ", Describe(call)));
    }
  } else if (call.leave == v1::LEAVE_REASON_DONE) {
    seat.until = absl::InfiniteDuration();
  } else {
    seat.left = true;
    if (!task->cancelling) task->held = false;
  }
}

void CheckLeaderWord(const History& history, const Call& call, CheckedTask* task,
                     const Report& report) {
  const bool current = call.epoch == task->epoch && task->held && call.worker == task->worker;
  const bool keep = call.kind == CallKind::kKeep;
  if (!call.accepted) {
    // States of what is being cancelled need not be kept.
    const bool may_be_refused = keep && task->cancelling;
    if (current && !may_be_refused && call.time < task->Until() - history.uncertainty) {
      report(Problem::kRefused, absl::StrCat("its lease stands: ", Describe(call)));
    }
    return;
  }
  if (!current || task->committed != 0) {
    return report(Problem::kStale, absl::StrCat("the lease had ended: ", Describe(call)));
  }
  (keep ? task->state : task->meeting) = call.manifest;
}

}  // namespace foundry::coordinator
