#include "common/lm/loss/score_packs.h"

#include <algorithm>
#include <numeric>

#include "common/base/status.h"

namespace foundry::lm {
namespace {

constexpr int64_t kPackRows = 4096;  // computed at once

}  // namespace

absl::Status ForScorePacks(absl::Span<const ScoreRequest> requests,
                           const std::function<absl::Status(const ScorePack&)>& visit) {
  // Requests with the same context stand together.
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return requests[a].context < requests[b].context; });
  for (size_t next = 0; next < order.size();) {
    ScorePack out;
    int64_t prefix = -1;
    for (; next < order.size() && (prefix < 0 || out.pack.rows() < kPackRows); ++next) {
      const ScoreRequest& request = requests[order[next]];
      if (prefix < 0 || request.context != requests[order[next - 1]].context) {
        prefix = out.pack.Add(request.context);
      }
      const Segment& context = out.pack.segments[prefix];
      const int64_t last = context.begin + context.length - 1, own = out.pack.rows();
      out.pack.Add(absl::MakeSpan(request.target).first(request.target.size() - 1), prefix);
      for (size_t i = 0; i < request.target.size(); ++i) {
        out.rows.push_back({i == 0 ? last : own + static_cast<int64_t>(i) - 1, request.target[i]});
      }
      out.requests.push_back(order[next]);
    }
    FOUNDRY_RETURN_IF_ERROR(visit(out));
  }
  return absl::OkStatus();
}

}  // namespace foundry::lm
