#include "common/lm/generate/prefix_plan.h"

#include <algorithm>
#include <numeric>

namespace foundry::lm {
namespace {

// A stretch of the sorted requests that share `covered` tokens, all of them in `node`'s chain.
struct Range {
  size_t begin, end;
  int64_t node, covered;
};

}  // namespace

PrefixPlan PlanPrefixes(absl::Span<const absl::Span<const int32_t>> prompts, int64_t min_tokens) {
  PrefixPlan plan;
  plan.leaf.assign(prompts.size(), -1);
  plan.order.resize(prompts.size());
  std::iota(plan.order.begin(), plan.order.end(), 0);
  std::stable_sort(plan.order.begin(), plan.order.end(), [&](size_t a, size_t b) {
    return std::lexicographical_compare(prompts[a].begin(), prompts[a].end(), prompts[b].begin(),
                                        prompts[b].end());
  });
  // common[i]: tokens that the sorted prompts i and i + 1 share, but for the last token of either.
  std::vector<int64_t> common;
  for (size_t i = 0; i + 1 < prompts.size(); ++i) {
    const auto a = prompts[plan.order[i]], b = prompts[plan.order[i + 1]];
    const size_t limit = std::min(a.size(), b.size());
    size_t n = 0;
    while (n < limit && a[n] == b[n]) ++n;
    common.push_back(static_cast<int64_t>(n == limit && n > 0 ? n - 1 : n));
  }
  std::vector<Range> open = {{0, prompts.size(), -1, 0}};
  while (!open.empty()) {
    Range range = open.back();
    open.pop_back();
    if (range.end - range.begin < 2) {
      if (range.end > range.begin && range.node >= 0) {
        plan.leaf[plan.order[range.begin]] = range.node;
        ++plan.nodes[range.node].users;
      }
      continue;
    }
    const auto first = common.begin() + static_cast<std::ptrdiff_t>(range.begin);
    const auto last = common.begin() + static_cast<std::ptrdiff_t>(range.end) - 1;
    const int64_t shared = *std::min_element(first, last);
    if (shared - range.covered >= min_tokens) {
      plan.nodes.push_back({range.node, plan.order[range.begin], range.covered, shared, 0});
      if (range.node >= 0) ++plan.nodes[range.node].users;
      range.node = static_cast<int64_t>(plan.nodes.size()) - 1;
      range.covered = shared;
    }
    // Split where no more than that is shared.
    size_t begin = range.begin;
    for (size_t i = range.begin; i + 1 < range.end; ++i) {
      if (common[i] != shared) continue;
      open.push_back({begin, i + 1, range.node, range.covered});
      begin = i + 1;
    }
    open.push_back({begin, range.end, range.node, range.covered});
  }
  return plan;
}

}  // namespace foundry::lm
