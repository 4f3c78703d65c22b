// Who takes which ranks of a task that several workers run together. A pure function. Thread-safe
// (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "foundry/coordinator/v1/workers.pb.h"

namespace foundry::coordinator {

// Ranks that a task wants, and those that it does with.
struct RankWish {
  int ranks = 1;
  int min_ranks = 1;
};
RankWish RankWishOf(const v1::StageRequest& request);

// A waiting worker that holds a seat of the gathering.
struct SeatOffer {
  std::string worker_id;
  int devices = 1;
  bool led_before = false;  // has the newest state at hand
};

struct GangTimes {
  // A gathering that has as many devices as the task does with waits this long for more.
  absl::Duration patience = absl::Seconds(10);
  // One that has not enough keeps its workers from other work this long at a time …
  absl::Duration hold = absl::Seconds(30);
  // … and then lets them do some for this long.
  absl::Duration pause = absl::Seconds(30);
  // A seat whose worker does not ask any more, or was never heard from, is lost after this long.
  absl::Duration seat = absl::Seconds(10);
};

struct SeatShare {
  std::string worker_id;
  int first_rank = 0;
  int ranks = 0;
};

struct GangPlan {
  // The first one leads; offers without a share are not needed. Empty: not enough yet.
  std::vector<SeatShare> shares;
  int world_size = 0;
};

// `offers` in the order in which they came.
GangPlan PlanGang(const RankWish& wish, std::vector<SeatOffer> offers, absl::Duration gathered,
                  const GangTimes& times);

}  // namespace foundry::coordinator
