#include "services/evaluator/gain.h"

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
  return PairedBootstrap(before_values, after_values, seed);
}

}  // namespace foundry::evaluator
