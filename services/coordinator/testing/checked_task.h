// What the calls of a history say of one task, and the rules of gangs on it. Internal to the
// checker. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "services/coordinator/testing/history.h"

namespace foundry::coordinator {

// A seat that a worker other than the leader was given.
struct CheckedSeat {
  int first_rank = 0;
  int ranks = 0;
  absl::Duration until;
  bool left = false;
};

struct CheckedTask {
  int64_t epoch = 0;    // of the latest lease
  std::string worker;   // its leader's; empty: that one has not come yet
  bool held = false;    // the lease has not ended
  bool fenced = false;  // RetryJob took it back
  bool cancelling = false;
  absl::Duration until;
  int64_t committed = 0;  // epoch of the commit; 0: none
  std::string manifest;
  std::string state;  // stored for the next attempt

  // Of the generation, when a gang has the lease.
  int world_size = 0;  // 0: no gang
  int ranks_given = 0;
  absl::Duration seats_until;                // of seats whose workers have not come
  std::map<std::string, CheckedSeat> seats;  // by worker
  std::string meeting;

  // When the lease ends unless somebody is heard from: the leader's, or the first seat's.
  absl::Duration Until() const;
  // A new lease begins.
  void Begin(const Call& call, absl::Duration until_then);
};

using Report = std::function<void(Problem, const std::string&)>;

// A seat was handed out, the leader's (kLease) or another (kSeat).
void CheckSeatGiven(const History& history, const Call& call, CheckedTask* task,
                    const Report& report);
// What others than the leader tell: kSeatBeat, kLeave.
void CheckSeatWord(const History& history, const Call& call, CheckedTask* task,
                   const Report& report);
// What the leader tells and that does not end the lease: kOpen, kKeep.
void CheckLeaderWord(const History& history, const Call& call, CheckedTask* task,
                     const Report& report);

}  // namespace foundry::coordinator
