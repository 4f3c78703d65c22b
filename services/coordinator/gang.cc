#include "services/coordinator/gang.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace foundry::coordinator {

RankWish RankWishOf(const v1::StageRequest& request) {
  RankWish wish;
  if (!request.has_train()) return wish;
  wish.ranks = std::max(1, request.train().settings().devices());
  wish.min_ranks = std::clamp(request.train().settings().min_devices(), 1, wish.ranks);
  // Ranks that hold one model together go only by whole copies: all that were asked for, then.
  if (request.train().settings().tensor_parallel() > 1) wish.min_ranks = wish.ranks;
  return wish;
}

GangPlan PlanGang(const RankWish& wish, std::vector<SeatOffer> offers, absl::Duration gathered,
                  const GangTimes& times) {
  GangPlan plan;
  const int devices =
      std::accumulate(offers.begin(), offers.end(), 0,
                      [](int sum, const SeatOffer& offer) { return sum + offer.devices; });
  const bool enough =
      devices >= wish.ranks || (devices >= wish.min_ranks && gathered >= times.patience);
  if (!enough) return plan;
  plan.world_size = std::min(devices, wish.ranks);
  // Few workers: what ranks exchange between machines is what costs.
  std::stable_sort(offers.begin(), offers.end(), [](const SeatOffer& a, const SeatOffer& b) {
    return std::tie(b.led_before, b.devices) < std::tie(a.led_before, a.devices);
  });
  int next = 0;
  for (const SeatOffer& offer : offers) {
    if (next == plan.world_size) break;
    const int ranks = std::min(offer.devices, plan.world_size - next);
    plan.shares.push_back({offer.worker_id, next, ranks});
    next += ranks;
  }
  return plan;
}

}  // namespace foundry::coordinator
