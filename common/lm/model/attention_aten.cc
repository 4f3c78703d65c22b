#include <cmath>

#include "common/lm/model/attention_paths.h"

namespace foundry::lm {
namespace {

struct Views {
  at::Tensor q, k, v;  // [heads, rows, d], [heads, keys, d]
  at::Tensor hidden;   // [rows, keys] bool: what a query does not see
  double scale = 1;
};

at::Tensor Heads(const at::Tensor& rows, int64_t heads) {
  return rows.view({rows.size(0), heads, -1}).transpose(0, 1);
}

at::Tensor Join(const AttentionTask& task, bool values) {
  std::vector<at::Tensor> parts;
  for (const KeyRange& range : task.ranges) {
    parts.push_back(values ? range.v.narrow(0, range.v_begin, range.count)
                           : range.k.narrow(0, range.k_begin, range.count));
  }
  return at::cat(parts);
}

Views Gather(const AttentionShape& shape, const at::Tensor& q, const AttentionTask& task) {
  int64_t group = shape.heads / shape.kv_heads;
  Views views;
  views.q = Heads(q.narrow(0, task.begin, task.rows), shape.heads);
  views.k = Heads(Join(task, false), shape.kv_heads).repeat_interleave(group, 0);
  views.v = Heads(Join(task, true), shape.kv_heads).repeat_interleave(group, 0);
  int64_t keys = views.k.size(1);
  at::Tensor key = at::arange(keys, q.options().dtype(at::kLong)).unsqueeze(0);
  at::Tensor at = at::arange(keys - task.rows, keys, q.options().dtype(at::kLong)).unsqueeze(1);
  views.hidden = key > at;
  if (shape.window) views.hidden = views.hidden.logical_or(key <= at - *shape.window);
  views.scale = 1 / std::sqrt(static_cast<double>(shape.head_dim));
  return views;
}

at::Tensor Scores(const Views& views) {
  return (at::matmul(views.q, views.k.transpose(1, 2)) * views.scale)
      .masked_fill(views.hidden, -INFINITY);
}

}  // namespace

void AttendAten(const AttentionShape& shape, const at::Tensor& q,
                const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse) {
  if (lse) *lse = at::empty({q.size(0), shape.heads}, q.options());
  for (const AttentionTask& task : tasks) {
    Views views = Gather(shape, q, task);
    at::Tensor scores = Scores(views);
    at::Tensor result = at::matmul(scores.softmax(-1), views.v).transpose(0, 1);
    out.narrow(0, task.begin, task.rows).copy_(result.reshape({task.rows, -1}));
    if (lse) lse->narrow(0, task.begin, task.rows).copy_(scores.logsumexp(-1).transpose(0, 1));
  }
}

void AttendBackwardAten(const AttentionShape& shape, const at::Tensor& q, const at::Tensor&,
                        const at::Tensor&, const std::vector<AttentionTask>& tasks,
                        const at::Tensor& out, const at::Tensor& lse, const at::Tensor& dout,
                        at::Tensor dq, at::Tensor dk, at::Tensor dv) {
  int64_t group = shape.heads / shape.kv_heads;
  for (const AttentionTask& task : tasks) {
    Views views = Gather(shape, q, task);
    auto rows = [&](const at::Tensor& t) { return t.narrow(0, task.begin, task.rows); };
    at::Tensor p = (Scores(views) - rows(lse).transpose(0, 1).unsqueeze(-1)).exp();
    at::Tensor d = Heads(rows(dout), shape.heads);
    at::Tensor delta = (d * Heads(rows(out), shape.heads)).sum(-1, true);
    at::Tensor ds = p * (at::matmul(d, views.v.transpose(1, 2)) - delta) * views.scale;
    rows(dq).copy_(at::matmul(ds, views.k).transpose(0, 1).reshape({task.rows, -1}));
    auto scatter = [&](at::Tensor gradient, at::Tensor target, bool values) {  // [heads, keys, d]
      int64_t keys = gradient.size(1);
      gradient = gradient.view({shape.kv_heads, group, keys, -1}).sum(1);
      gradient = gradient.transpose(0, 1).reshape({keys, -1});
      int64_t from = 0;
      for (const KeyRange& range : task.ranges) {
        target.narrow(0, values ? range.v_begin : range.k_begin, range.count)
            .add_(gradient.narrow(0, from, range.count));
        from += range.count;
      }
    };
    scatter(at::matmul(ds.transpose(1, 2), views.q), dk, false);
    scatter(at::matmul(p.transpose(1, 2), d), dv, true);
  }
}

}  // namespace foundry::lm
