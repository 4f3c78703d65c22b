// What happened to the tasks of some jobs, and the judge of it.
//
// A history is the sequence of calls that stores accepted or refused (Call), and what the stores
// say of the jobs afterwards (Record). The checker knows nothing of how a store works. It finds:
//
//   kLost      a committed task that the record does not have, or a planned one that is missing
//   kStale     a write accepted from a lease, or a gang's generation, that had ended; an output
//              nobody had committed, used; a meeting or a state that is not the latest, handed out
//   kDouble    a task leased while held or after its commit; committed or used twice; a second
//              leader of one generation, or a rank of it given to two workers
//   kNeverEnds a job, step or task that stays open though every worker did its part
//   kIllegal   a transition that state.h does not have; events with gaps; record and events
//              disagree; a gang of more or fewer ranks than its task does with
//   kRefused   a write refused under a lease that stood
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "foundry/coordinator/v1/gangs.pb.h"
#include "foundry/coordinator/v1/jobs.pb.h"
#include "foundry/coordinator/v1/workers.pb.h"
#include "services/coordinator/planner/planner.h"

namespace foundry::coordinator {

enum class CallKind {
  kLease,
  kHeartbeat,
  kComplete,
  kFail,
  kRelease,
  kExpire,   // leases that had run out by `time` were ended
  kCancel,   // a job's
  kRevive,   // RetryJob of a job that had stopped: it takes its tasks back from their workers
  kSettled,  // every worker has done its part: the job must have ended; `state` is what it is
  // Gangs. The leader's seat is a kLease, whose epoch is the generation.
  kSeat,      // another's seat was handed out
  kSeatBeat,  // of such a seat; `manifest`: where it was told to meet
  kLeave,     // it was given back, for the reason `leave`
  kOpen,      // the leader opened the meeting `manifest`
  kKeep,      // who holds the lease stored the state `manifest`
};

// One call, at the instant of its effect. The calls of a history are in that order.
struct Call {
  CallKind kind;
  std::string job;
  std::string task;  // step/key; unique in its job
  int64_t epoch = 0;
  std::string worker;
  bool accepted = true;
  absl::Duration time;              // on the clock of leases, since the history's beginning
  std::string manifest;             // kComplete: of the output; kLease: of the state handed out
  std::vector<std::string> inputs;  // kLease: manifests that the request names
  v1::State state = v1::STATE_UNSPECIFIED;
  // kLease and kSeat of a gang; no ranks: the worker runs the task alone.
  int first_rank = 0, ranks = 0, world_size = 0;
  int fewest_ranks = 1, most_ranks = 1;  // that the task does with
  v1::LeaveReason leave = v1::LEAVE_REASON_UNSPECIFIED;
};

// What the store says of a job in the end.
struct Record {
  std::string job;  // as in Call
  v1::Job view;
  std::vector<v1::Event> events;
  InputFacts facts;
};

struct History {
  // How long a lease lasts, and by how much the clock may be off.
  absl::Duration lease;
  absl::Duration uncertainty;
  absl::Duration seat;  // and a seat of a gang, until its worker is heard from
  std::vector<Call> calls;
  std::vector<Record> records;
  bool must_succeed = false;  // every job of the records
};

enum class Problem { kLost, kStale, kDouble, kNeverEnds, kIllegal, kRefused };

struct Violation {
  Problem problem;
  std::string what;
};

// The first violations, at most a handful; empty: the history is sound.
std::vector<Violation> CheckHistory(const History& history);

// The record of one job alone: events, transitions, that nothing is missing or there twice, that an
// ended job has no open task. For runs of real processes, whose calls nobody wrote down.
std::vector<Violation> CheckRecord(const Record& record);

// Manifests of committed outputs that a request reads, each as often as it is named.
std::vector<std::string> InputManifests(const v1::StageRequest& request);

// "kStale: …", one a line.
std::string Describe(const std::vector<Violation>& violations);
// "lease j0/extraction/extract/0 epoch 3 by w2 at 120s: accepted".
std::string Describe(const Call& call);

}  // namespace foundry::coordinator
