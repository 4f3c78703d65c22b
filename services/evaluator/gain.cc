#include "services/evaluator/gain.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "services/evaluator/item.h"

namespace foundry::evaluator {

PairedDifference GainOver(const std::vector<Scored>& before, const std::vector<Scored>& after,
                          uint64_t seed) {
  std::map<std::pair<std::string, std::string>, const Scored*> asked;
  for (const Scored& scored : before) asked[{scored.dataset, scored.item.id}] = &scored;
  std::vector<double> before_values, after_values;
  for (const Scored& scored : after) {
    const auto found = asked.find({scored.dataset, scored.item.id});
    if (found == asked.end()) continue;
    const std::string metric = PrimaryMetric(scored.item.kind);
    const auto x = found->second->scores.find(metric), y = scored.scores.find(metric);
    if (x == found->second->scores.end() || y == scored.scores.end()) continue;
    before_values.push_back(x->second);
    after_values.push_back(y->second);
  }
  PairedDifference gain = PairedBootstrap(before_values, after_values, seed);
  // Of k questions that changed, all for the better, chance explains 2^(1-k) (the sign test); the
  // bootstrap of a few is surer than that.
  const double least = std::ldexp(1.0, static_cast<int>(1 - gain.gained - gain.lost));
  gain.p_value = std::min(1.0, std::max(gain.p_value, least));
  return gain;
}

}  // namespace foundry::evaluator
