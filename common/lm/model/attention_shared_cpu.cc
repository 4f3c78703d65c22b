// Attention over keys that several sequences begin with: one product for all of their queries,
// merged with each sequence's own part by the logarithms of the softmax denominators (as in
// Hydragen, Juravsky et al., arXiv 2402.05099).
#include <ATen/Parallel.h>

#include <map>
#include <tuple>

#include "common/lm/model/attention_blocks.h"
#include "common/lm/model/attention_paths.h"

namespace foundry::lm {
namespace {

constexpr int64_t kKeysOfBlock = 512;  // keys packed at once: 128 KiB for heads of 64
constexpr int64_t kFewestKeys = 48;    // shorter beginnings are read by each sequence itself
constexpr int64_t kMostRows = 64;      // of a task; longer ones fill a block by themselves

// Part of a range, with the queries that see all of it.
struct SharedBlock {
  KeyRange range;
  std::vector<int64_t> rows;  // of q
  int64_t results = 0;        // offset of its first row among all partial results
};

struct Partition {
  std::vector<SharedBlock> blocks;
  std::vector<AttentionTask> own;           // what is left of the tasks
  std::vector<std::vector<int64_t>> parts;  // by row of q: offsets of its partial results
  int64_t results = 0;                      // partial results of all blocks
};

using RangeKey = std::tuple<const void*, int64_t, int64_t>;
RangeKey KeyOf(const KeyRange& range) {
  return {range.k.const_data_ptr(), range.k_begin, range.count};
}

Partition Divide(const std::vector<AttentionTask>& tasks, int64_t query_rows) {
  std::map<RangeKey, int64_t> users;
  for (const AttentionTask& task : tasks) {
    if (task.rows > kMostRows) continue;
    for (size_t r = 0; r + 1 < task.ranges.size(); ++r) ++users[KeyOf(task.ranges[r])];
  }
  Partition out;
  std::map<RangeKey, std::pair<size_t, size_t>> blocks_of;  // first block, number
  for (const AttentionTask& task : tasks) {
    AttentionTask own{task.begin, task.rows, {}};
    for (size_t r = 0; r < task.ranges.size(); ++r) {
      const KeyRange& range = task.ranges[r];
      const auto it = users.find(KeyOf(range));
      const bool shared = r + 1 < task.ranges.size() && task.rows <= kMostRows &&
                          it != users.end() && it->second > 1 && range.count >= kFewestKeys;
      if (!shared) {
        own.ranges.push_back(range);
        continue;
      }
      auto [blocks, fresh] = blocks_of.try_emplace(KeyOf(range), out.blocks.size(), 0);
      if (fresh) {
        for (int64_t at = 0; at < range.count; at += kKeysOfBlock, ++blocks->second.second) {
          const int64_t count = std::min(kKeysOfBlock, range.count - at);
          out.blocks.push_back(
              {{range.k, range.v, range.k_begin + at, range.v_begin + at, count}, {}, 0});
        }
      }
      for (size_t b = 0; b < blocks->second.second; ++b) {
        std::vector<int64_t>& rows = out.blocks[blocks->second.first + b].rows;
        for (int64_t i = 0; i < task.rows; ++i) rows.push_back(task.begin + i);
      }
    }
    out.own.push_back(std::move(own));
  }
  out.parts.resize(static_cast<size_t>(query_rows));
  for (SharedBlock& block : out.blocks) {
    block.results = out.results;
    for (const int64_t row : block.rows) out.parts[row].push_back(out.results++);
  }
  return out;
}

// Results of one block on one key-value head: out [results, heads, depth], lse [results, heads].
void AttendBlock(const AttentionShape& shape, const SharedBlock& block, int64_t kv_head,
                 const float* q, float* out, float* lse) {
  const simd::BlockKernels& kernels = simd::Blocks();
  const AttentionTask task{0, 0, {block.range}};
  const AttentionUnit unit(shape, task, kv_head);
  thread_local std::vector<float> keys, values, queries, scores, result;
  unit.PackColumns(false, keys);
  unit.PackRows(true, unit.keys, values);
  const int64_t group = unit.group, depth = unit.depth, deep = unit.depth_padded;
  const int64_t width = Padded(unit.keys), step = BlockRows(group);
  const auto total = static_cast<int64_t>(block.rows.size());
  for (int64_t from = 0; from < total; from += step) {
    const int64_t rows = std::min(step, total - from), m = rows * group;
    queries.assign(m * deep, 0);
    for (int64_t r = 0; r < m; ++r) {
      const int64_t head = kv_head * group + r % group;
      std::copy_n(q + (block.rows[from + r / group] * shape.heads + head) * depth, depth,
                  queries.data() + r * deep);
    }
    scores.resize(m * width);
    result.resize(m * deep);
    kernels.gemm(m, width, depth, queries.data(), deep, 1, keys.data(), width, scores.data(), width,
                 false);
    for (int64_t r = 0; r < m; ++r) {
      const int64_t at = (block.results + from + r / group) * shape.heads + kv_head * group;
      lse[at + r % group] =
          kernels.softmax(scores.data() + r * width, width, 0, unit.keys, unit.scale);
    }
    kernels.gemm(m, deep, unit.keys, scores.data(), width, 1, values.data(), deep, result.data(),
                 deep, false);
    for (int64_t r = 0; r < m; ++r) {
      const int64_t at = (block.results + from + r / group) * shape.heads + kv_head * group;
      std::copy_n(result.data() + r * deep, depth, out + (at + r % group) * depth);
    }
  }
}

struct Parts {
  const float *own, *own_lse;        // [rows, heads, depth], [rows, heads]
  const float *shared, *shared_lse;  // [results, heads, depth], [results, heads]
};

// One row and head: sum of parts weighted by their shares of the whole denominator. Returns the
// whole's logarithm.
float Merge(const AttentionShape& shape, const Parts& parts, const std::vector<int64_t>& results,
            int64_t row, int64_t head, float* to) {
  const int64_t own = row * shape.heads + head, depth = shape.head_dim;
  float top = parts.own_lse[own];
  for (const int64_t r : results) top = std::max(top, parts.shared_lse[r * shape.heads + head]);
  float sum = std::exp(parts.own_lse[own] - top);
  for (const int64_t r : results) sum += std::exp(parts.shared_lse[r * shape.heads + head] - top);
  const float whole = top + std::log(sum);
  const float share = std::exp(parts.own_lse[own] - whole);
  for (int64_t d = 0; d < depth; ++d) to[d] = share * parts.own[own * depth + d];
  for (const int64_t r : results) {
    const int64_t at = r * shape.heads + head;
    simd::Blocks().axpy(std::exp(parts.shared_lse[at] - whole), parts.shared + at * depth, depth,
                        to);
  }
  return whole;
}

}  // namespace

bool AttendSharedCpu(const AttentionShape& shape, const at::Tensor& q,
                     const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse) {
  if (shape.window || tasks.size() < 2) return false;
  const Partition partition = Divide(tasks, q.size(0));
  if (partition.blocks.empty()) return false;
  const int64_t rows = q.size(0), heads = shape.heads, depth = shape.head_dim;
  at::Tensor own = at::empty({rows, heads * depth}, q.options()), own_lse;
  AttendUnitsCpu(shape, q, partition.own, own, &own_lse);
  at::Tensor shared = at::empty({partition.results, heads, depth}, q.options());
  at::Tensor shared_lse = at::empty({partition.results, heads}, q.options());
  const float* queries = q.const_data_ptr<float>();
  float *results = shared.data_ptr<float>(), *result_lse = shared_lse.data_ptr<float>();
  const auto units = static_cast<int64_t>(partition.blocks.size()) * shape.kv_heads;
  at::parallel_for(0, units, 1, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      AttendBlock(shape, partition.blocks[u / shape.kv_heads], u % shape.kv_heads, queries, results,
                  result_lse);
    }
  });
  if (lse != nullptr) *lse = at::empty({rows, heads}, q.options());
  float* whole = lse != nullptr ? lse->data_ptr<float>() : nullptr;
  const Parts parts = {own.const_data_ptr<float>(), own_lse.const_data_ptr<float>(), results,
                       result_lse};
  std::vector<float> merged(depth);
  const bool single = out.scalar_type() == at::kFloat;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t head = 0; head < heads; ++head) {
      const float log = Merge(shape, parts, partition.parts[row], row, head, merged.data());
      if (whole != nullptr) whole[row * heads + head] = log;
      const int64_t at = row * out.stride(0) + head * depth;
      if (single) {
        std::copy_n(merged.data(), depth, out.data_ptr<float>() + at);
      } else {
        simd::Rows<simd::bf16>().from_float(merged.data(), depth,
                                            static_cast<simd::bf16*>(out.data_ptr()) + at);
      }
    }
  }
  return true;
}

}  // namespace foundry::lm
