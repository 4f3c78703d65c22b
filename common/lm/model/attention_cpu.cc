#include <ATen/Parallel.h>

#include "common/lm/model/attention_blocks.h"
#include "common/lm/model/attention_paths.h"

namespace foundry::lm {
namespace {

struct Sink {
  const at::Tensor& out;
  float* lse;  // [*, heads] or null

  void Row(const AttentionUnit& unit, int64_t i, int64_t g, const float* values) const {
    int64_t row = unit.task.begin + i, column = (unit.kv_head * unit.group + g) * unit.depth;
    if (out.scalar_type() == at::kFloat) {
      std::copy_n(values, unit.depth, out.data_ptr<float>() + row * out.stride(0) + column);
    } else {
      simd::Rows<simd::bf16>().from_float(
          values, unit.depth,
          static_cast<simd::bf16*>(out.data_ptr()) + row * out.stride(0) + column);
    }
  }
  void Lse(const AttentionUnit& unit, int64_t i, int64_t g, float value) const {
    if (!lse) return;
    lse[(unit.task.begin + i) * unit.shape.heads + unit.kv_head * unit.group + g] = value;
  }
};

// Few queries, as in decoding: keys and values are read where they lie.
void AttendFew(const AttentionUnit& unit, const float* q, const Sink& sink) {
  const simd::BlockKernels& block = simd::Blocks();
  thread_local std::vector<float> scores, result;
  int64_t heads = unit.group;
  for (int64_t i = 0; i < unit.task.rows; ++i) {
    int64_t last = unit.Last(i), first = unit.First(i);
    const float* query =
        q + ((unit.task.begin + i) * unit.shape.heads + unit.kv_head * heads) * unit.depth;
    scores.resize(heads * last);
    unit.ForKeys(false, last, [&](int64_t j, const float* key) {
      for (int64_t g = 0; g < heads; ++g) {
        scores[g * last + j] = block.dot(query + g * unit.depth, key, unit.depth);
      }
    });
    for (int64_t g = 0; g < heads; ++g) {
      sink.Lse(unit, i, g, block.softmax(scores.data() + g * last, last, first, last, unit.scale));
    }
    result.assign(heads * unit.depth, 0);
    unit.ForKeys(true, last, [&](int64_t j, const float* value) {
      for (int64_t g = 0; g < heads; ++g) {
        block.axpy(scores[g * last + j], value, unit.depth, result.data() + g * unit.depth);
      }
    });
    for (int64_t g = 0; g < heads; ++g) sink.Row(unit, i, g, result.data() + g * unit.depth);
  }
}

void AttendMany(const AttentionUnit& unit, const float* q, const Sink& sink) {
  const simd::BlockKernels& block = simd::Blocks();
  thread_local std::vector<float> keys, values, queries, scores, result;
  unit.PackColumns(false, keys);
  unit.PackRows(true, unit.keys, values);
  int64_t width = Padded(unit.keys), step = BlockRows(unit.group), deep = unit.depth_padded;
  for (int64_t from = 0; from < unit.task.rows; from += step) {
    int64_t rows = std::min(step, unit.task.rows - from), m = rows * unit.group;
    int64_t seen = unit.Last(from + rows - 1), seen_padded = Padded(seen);
    unit.PackQueries(q, from, rows, queries);
    scores.resize(m * width);
    block.gemm(m, seen_padded, unit.depth, queries.data(), deep, 1, keys.data(), width,
               scores.data(), width, false);
    for (int64_t r = 0; r < m; ++r) {
      int64_t i = from + r / unit.group;
      float lse = block.softmax(scores.data() + r * width, seen_padded, unit.First(i), unit.Last(i),
                                unit.scale);
      sink.Lse(unit, i, r % unit.group, lse);
    }
    result.resize(m * deep);
    block.gemm(m, deep, seen, scores.data(), width, 1, values.data(), deep, result.data(), deep,
               false);
    for (int64_t r = 0; r < m; ++r) {
      sink.Row(unit, from + r / unit.group, r % unit.group, result.data() + r * deep);
    }
  }
}

}  // namespace

void AttendCpu(const AttentionShape& shape, const at::Tensor& q,
               const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse) {
  if (!AttendSharedCpu(shape, q, tasks, out, lse)) AttendUnitsCpu(shape, q, tasks, out, lse);
}

void AttendUnitsCpu(const AttentionShape& shape, const at::Tensor& q,
                    const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse) {
  if (lse) *lse = at::empty({q.size(0), shape.heads}, q.options());
  Sink sink{out, lse ? lse->data_ptr<float>() : nullptr};
  const float* queries = q.const_data_ptr<float>();
  int64_t units = static_cast<int64_t>(tasks.size()) * shape.kv_heads;
  at::parallel_for(0, units, 1, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      AttentionUnit unit(shape, tasks[u / shape.kv_heads], u % shape.kv_heads);
      (unit.task.rows <= 2 ? AttendFew : AttendMany)(unit, queries, sink);
    }
  });
}

}  // namespace foundry::lm
