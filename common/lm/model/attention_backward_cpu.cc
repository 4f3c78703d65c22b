#include <ATen/Parallel.h>

#include "common/lm/model/attention_blocks.h"
#include "common/lm/model/attention_paths.h"

namespace foundry::lm {
namespace {

struct Gradients {
  const float *q, *out, *lse, *dout;
  float* dq;
};

// Gradients of one unit: dq rows are written; dk and dv are [keys, depth_padded].
void Backward(const AttentionUnit& unit, const Gradients& t, std::vector<float>& dk,
              std::vector<float>& dv) {
  const simd::BlockKernels& block = simd::Blocks();
  thread_local std::vector<float> key_columns, key_rows, value_columns;
  thread_local std::vector<float> queries, outs, douts, p, ds, dq;
  unit.PackColumns(false, key_columns);
  unit.PackRows(false, unit.keys, key_rows);
  unit.PackColumns(true, value_columns);
  int64_t width = Padded(unit.keys), step = BlockRows(unit.group), deep = unit.depth_padded;
  dk.assign(unit.keys * deep, 0);
  dv.assign(unit.keys * deep, 0);
  for (int64_t from = 0; from < unit.task.rows; from += step) {
    int64_t rows = std::min(step, unit.task.rows - from), m = rows * unit.group;
    int64_t seen = unit.Last(from + rows - 1), seen_padded = Padded(seen);
    unit.PackQueries(t.q, from, rows, queries);
    unit.PackQueries(t.out, from, rows, outs);
    unit.PackQueries(t.dout, from, rows, douts);
    p.resize(m * width);
    ds.resize(m * width);
    block.gemm(m, seen_padded, unit.depth, queries.data(), deep, 1, key_columns.data(), width,
               p.data(), width, false);
    block.gemm(m, seen_padded, unit.depth, douts.data(), deep, 1, value_columns.data(), width,
               ds.data(), width, false);
    for (int64_t r = 0; r < m; ++r) {
      int64_t i = from + r / unit.group;
      float lse = t.lse[(unit.task.begin + i) * unit.shape.heads + unit.kv_head * unit.group +
                        r % unit.group];
      float delta = block.dot(outs.data() + r * deep, douts.data() + r * deep, deep);
      block.softmax_backward(p.data() + r * width, ds.data() + r * width, seen_padded,
                             unit.First(i), unit.Last(i), unit.scale, lse, delta);
    }
    dq.resize(m * deep);
    block.gemm(m, deep, seen, ds.data(), width, 1, key_rows.data(), deep, dq.data(), deep, false);
    for (int64_t r = 0; r < m; ++r) {
      int64_t row = unit.task.begin + from + r / unit.group;
      int64_t head = unit.kv_head * unit.group + r % unit.group;
      std::copy_n(dq.data() + r * deep, unit.depth,
                  t.dq + (row * unit.shape.heads + head) * unit.depth);
    }
    block.gemm(seen, deep, m, ds.data(), 1, width, queries.data(), deep, dk.data(), deep, true);
    block.gemm(seen, deep, m, p.data(), 1, width, douts.data(), deep, dv.data(), deep, true);
  }
}

}  // namespace

void AttendBackwardCpu(const AttentionShape& shape, const at::Tensor& q, const at::Tensor&,
                       const at::Tensor&, const std::vector<AttentionTask>& tasks,
                       const at::Tensor& out, const at::Tensor& lse, const at::Tensor& dout,
                       at::Tensor dq, at::Tensor dk, at::Tensor dv) {
  Gradients tensors{q.const_data_ptr<float>(), out.const_data_ptr<float>(),
                    lse.const_data_ptr<float>(), dout.const_data_ptr<float>(),
                    dq.data_ptr<float>()};
  // Ranges before the last may be shared by tasks: each task's part is kept, then added in order.
  std::vector<int64_t> offsets(tasks.size() + 1, 0);
  for (size_t i = 0; i < tasks.size(); ++i) {
    int64_t shared = 0;
    for (size_t r = 0; r + 1 < tasks[i].ranges.size(); ++r) shared += tasks[i].ranges[r].count;
    offsets[i + 1] = offsets[i] + shared;
  }
  int64_t columns = shape.kv_heads * shape.head_dim;
  at::Tensor shared = at::empty({2, offsets.back(), columns}, q.options());
  float* shared_dk = shared.data_ptr<float>();
  float* shared_dv = shared_dk + offsets.back() * columns;
  float* dk_rows = dk.data_ptr<float>();
  float* dv_rows = dv.data_ptr<float>();

  int64_t units = static_cast<int64_t>(tasks.size()) * shape.kv_heads;
  at::parallel_for(0, units, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> unit_dk, unit_dv;
    for (int64_t u = begin; u < end; ++u) {
      size_t index = u / shape.kv_heads;
      const AttentionTask& task = tasks[index];
      AttentionUnit unit(shape, task, u % shape.kv_heads);
      Backward(unit, tensors, unit_dk, unit_dv);
      int64_t own = offsets[index + 1] - offsets[index], column = unit.kv_head * unit.depth;
      for (int64_t j = 0; j < own; ++j) {
        int64_t at = (offsets[index] + j) * columns + column;
        std::copy_n(unit_dk.data() + j * unit.depth_padded, unit.depth, shared_dk + at);
        std::copy_n(unit_dv.data() + j * unit.depth_padded, unit.depth, shared_dv + at);
      }
      for (int64_t j = own; j < unit.keys; ++j) {
        const KeyRange& range = task.ranges.back();
        float* k_row = dk_rows + (range.k_begin + j - own) * columns + column;
        float* v_row = dv_rows + (range.v_begin + j - own) * columns + column;
        simd::Blocks().axpy(1, unit_dk.data() + j * unit.depth_padded, unit.depth, k_row);
        simd::Blocks().axpy(1, unit_dv.data() + j * unit.depth_padded, unit.depth, v_row);
      }
    }
  });
  for (size_t i = 0; i < tasks.size(); ++i) {
    int64_t from = offsets[i];
    for (size_t r = 0; r + 1 < tasks[i].ranges.size(); ++r) {
      const KeyRange& range = tasks[i].ranges[r];
      int64_t n = range.count * columns;
      simd::Blocks().axpy(1, shared_dk + from * columns, n, dk_rows + range.k_begin * columns);
      simd::Blocks().axpy(1, shared_dv + from * columns, n, dv_rows + range.v_begin * columns);
      from += range.count;
    }
  }
}

}  // namespace foundry::lm
