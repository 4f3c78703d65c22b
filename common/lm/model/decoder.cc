#include "common/lm/model/decoder.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "common/lm/model/kernels.h"

namespace foundry::lm {

int64_t Pack::Add(absl::Span<const int32_t> sequence, int64_t prefix) {
  segments.push_back({rows(), static_cast<int64_t>(sequence.size()), prefix});
  ids.insert(ids.end(), sequence.begin(), sequence.end());
  return static_cast<int64_t>(segments.size()) - 1;
}

int64_t Pack::Position(int64_t segment) const {
  int64_t position = 0;
  for (int64_t at = segments[segment].prefix; at >= 0; at = segments[at].prefix) {
    position += segments[at].length;
  }
  return position;
}

std::vector<RopePosition> Pack::Positions() const {
  std::vector<int64_t> longest(segments.size());  // of the sequences that a segment is part of
  for (int64_t s = static_cast<int64_t>(segments.size()) - 1; s >= 0; --s) {
    longest[s] = std::max(longest[s], Position(s) + segments[s].length);
    if (int64_t prefix = segments[s].prefix; prefix >= 0) {
      longest[prefix] = std::max(longest[prefix], longest[s]);
    }
  }
  std::vector<RopePosition> positions;
  for (size_t s = 0; s < segments.size(); ++s) {
    int64_t begin = Position(static_cast<int64_t>(s));
    for (int64_t i = 0; i < segments[s].length; ++i) positions.push_back({begin + i, longest[s]});
  }
  return positions;
}

std::vector<AttentionTask> Pack::Tasks(const at::Tensor& k, const at::Tensor& v) const {
  std::vector<AttentionTask> tasks;
  for (const Segment& segment : segments) {
    if (segment.length == 0) continue;
    AttentionTask task{segment.begin, segment.length, {}};
    task.ranges.push_back({k, v, segment.begin, segment.begin, segment.length});
    for (int64_t at = segment.prefix; at >= 0; at = segments[at].prefix) {
      const Segment& prefix = segments[at];
      task.ranges.push_back({k, v, prefix.begin, prefix.begin, prefix.length});
    }
    std::reverse(task.ranges.begin(), task.ranges.end());
    tasks.push_back(std::move(task));
  }
  return tasks;
}

at::Tensor Decoder::Embed(absl::Span<const int32_t> ids) const {
  at::Tensor index = at::empty({static_cast<int64_t>(ids.size())}, at::kInt);
  std::copy(ids.begin(), ids.end(), index.data_ptr<int32_t>());
  return at::index_select(embeddings_, 0, index.to(device()));
}

at::Tensor Decoder::Normed(const at::Tensor& x) const {
  at::Tensor out = at::empty_like(x);
  kernels::RmsNorm(x, final_norm_, config_.rms_norm_eps, out, nullptr);
  return out;
}

at::Tensor Decoder::Forward(const Pack& pack) const {
  AttentionShape shape = AttentionShape::Of(config_);
  RopeTables rope = rope_->Tables(pack.Positions(), device());
  at::Tensor x = Embed(pack.ids);
  AttentionFn attend = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           at::Tensor out,
                           at::Tensor* lse) { Attend(shape, q, pack.Tasks(k, v), out, lse); };
  for (const Layer& layer : layers_) x = LayerForward(config_, layer, rope, x, attend, nullptr);
  return Normed(x);
}

at::Tensor Decoder::Forward(absl::Span<const int32_t> ids, absl::Span<const CacheStep> steps,
                            KvCache& cache) const {
  AttentionShape shape = AttentionShape::Of(config_);
  std::vector<RopePosition> positions;
  for (const CacheStep& step : steps) {
    cache.Reserve(step.slot, step.count);
    int64_t begin = cache.position(step.slot);
    for (int64_t i = 0; i < step.count; ++i) {
      positions.push_back({begin + i, std::max(step.length, begin + step.count)});
    }
  }
  RopeTables rope = rope_->Tables(positions, device());
  at::Tensor x = Embed(ids);
  for (size_t l = 0; l < layers_.size(); ++l) {
    int64_t index = static_cast<int64_t>(l);
    AttentionFn attend = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             at::Tensor out, at::Tensor* lse) {
      std::vector<AttentionTask> tasks;
      int64_t row = 0;
      for (const CacheStep& step : steps) {
        cache.Write(step.slot, index, k, v, row, step.count);
        tasks.push_back({row, step.count, cache.Ranges(step.slot, index, step.count)});
        row += step.count;
      }
      Attend(shape, q, tasks, out, lse);
    };
    x = LayerForward(config_, layers_[l], rope, x, attend, nullptr);
  }
  for (const CacheStep& step : steps) cache.Advance(step.slot, step.count);
  return Normed(x);
}

at::Tensor Decoder::Logits(const at::Tensor& hidden) const {
  return at::mm(hidden.to(compute()), lm_head_.t()).to(at::kFloat);
}

}  // namespace foundry::lm
