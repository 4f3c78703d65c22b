#include "common/lm/train/pack_plan.h"

#include <algorithm>

namespace foundry::lm {
namespace {

constexpr int64_t kMinShared = 4;  // tokens; shorter beginnings aren't worth a segment

class Builder {
 public:
  explicit Builder(TrainPack& out) : out_(out) {}

  // Examples sorted by their ids, of which the first `covered` tokens are the rows `above`.
  void Add(const std::vector<const Example*>& sorted, size_t from, size_t to, int64_t covered,
           int64_t parent, std::vector<int64_t>& above) {
    if (to - from == 1) {
      AddLeaf(*sorted[from], covered, parent, above);
      return;
    }
    int64_t shared = Common(*sorted[from], *sorted[to - 1]);
    size_t kept = above.size();
    if (shared - covered >= kMinShared) {
      parent = AddSegment(*sorted[from], covered, shared, parent, above);
      covered = shared;
    }
    // Sorted: those that go on alike stand together.
    for (size_t begin = from; begin < to;) {
      size_t end = begin + 1;
      while (end < to && covered < Inputs(*sorted[begin]) && covered < Inputs(*sorted[end]) &&
             Common(*sorted[begin], *sorted[end]) - covered >= kMinShared) {
        ++end;
      }
      Add(sorted, begin, end, covered, parent, above);
      begin = end;
    }
    above.resize(kept);
  }

 private:
  static int64_t Inputs(const Example& e) { return static_cast<int64_t>(e.ids.size()) - 1; }
  static int64_t Common(const Example& a, const Example& b) {
    int64_t limit = std::min(Inputs(a), Inputs(b)), n = 0;
    while (n < limit && a.ids[n] == b.ids[n]) ++n;
    return n;
  }

  // Rows of tokens [begin, end) of `e`, appended to `above`.
  int64_t AddSegment(const Example& e, int64_t begin, int64_t end, int64_t parent,
                     std::vector<int64_t>& above) {
    int64_t row = out_.pack.rows();
    for (int64_t i = begin; i < end; ++i) above.push_back(row++);
    return out_.pack.Add(absl::MakeSpan(e.ids).subspan(begin, end - begin), parent);
  }

  void AddLeaf(const Example& e, int64_t covered, int64_t parent, std::vector<int64_t>& above) {
    size_t kept = above.size();
    if (covered < Inputs(e)) AddSegment(e, covered, Inputs(e), parent, above);
    int64_t soft_position = 0;
    for (size_t i = 1; i < e.ids.size(); ++i) {
      if (e.loss_weights[i] <= 0) continue;
      out_.rows.push_back(
          {above[i - 1], e.ids[i], e.loss_weights[i], e.soft.get(), soft_position++});
    }
    above.resize(kept);
  }

  TrainPack& out_;
};

}  // namespace

std::vector<TrainPack> PlanPacks(std::vector<const Example*> examples, int64_t max_rows) {
  std::stable_sort(examples.begin(), examples.end(),
                   [](const Example* a, const Example* b) { return a->ids < b->ids; });
  int64_t total = 0;
  for (const Example* e : examples) total += static_cast<int64_t>(e->ids.size()) - 1;
  const int64_t packs = std::max<int64_t>(1, (total + max_rows - 1) / max_rows);
  const int64_t target = (total + packs - 1) / packs;  // of about the same size
  std::vector<TrainPack> plan;
  for (size_t from = 0; from < examples.size();) {
    int64_t rows = 0;
    size_t to = from;
    for (; to < examples.size(); ++to) {
      int64_t more = static_cast<int64_t>(examples[to]->ids.size()) - 1;
      if (to > from && (rows >= target || rows + more > max_rows)) break;
      rows += more;
    }
    std::vector<int64_t> above;
    Builder(plan.emplace_back()).Add(examples, from, to, 0, -1, above);
    from = to;
  }
  return plan;
}

}  // namespace foundry::lm
