#include "common/lm/model/matmul.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "common/lm/model/simd/pack_kernels.h"
#include "common/lm/model/simd/panel_kernels.h"

namespace foundry::lm::matmul {
namespace {

using simd::bf16;
using simd::kPanelColumns;

constexpr int64_t kBlockRows = 48;   // of a panel at a time: whole tiles, whose sums stay near
constexpr int64_t kFewRows = 48;     // fewer do not pay for packing all of the weights
constexpr int64_t kSumDepth = 2048;  // of a panel whose sums are added to float32: 128 KiB

bool Usable(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kBFloat16 && simd::Packing() != nullptr;
}

const bf16* Data(const at::Tensor& t) { return static_cast<const bf16*>(t.const_data_ptr()); }

struct Shape {
  int64_t m, n, k;
};

// Columns [begin, begin + columns) of the right factor, laid out `width` wide.
struct Strip {
  int64_t begin, columns, width;
};

// Sums of rows [row, row + rows) and of a strip, strip.width apart.
struct Sums {
  int64_t row, rows;
  const float* data;
  bool first;  // where sums over k come in parts: not to be added to earlier ones
};

// a [m, k] with rows `stride` apart (k even, or one zero behind each row). pack(k0, depth, strip,
// panel) lays out rows [k0, k0 + depth) of the right factor; emit(strip, sums) takes what comes
// out. k is cut into parts of `depth`, an even number where there are several.
template <typename PackPanel, typename Emit>
void Multiply(const Shape& shape, const bf16* a, int64_t stride, int64_t depth, PackPanel pack,
              Emit emit) {
  if (shape.m == 0) return;
  const auto multiply = simd::Panels<bf16>()->multiply;
  const int64_t panels = (shape.n + kPanelColumns - 1) / kPanelColumns;
  const int64_t blocks = (shape.m + kBlockRows - 1) / kBlockRows;
  // Few panels: threads share one by its rows, and each packs it.
  const int64_t threads = at::get_num_threads();
  const int64_t shares = panels >= 4 * threads || threads == 1 ? 1 : std::min(blocks, 2 * threads);
  at::parallel_for(0, panels * shares, 1, [&](int64_t begin, int64_t end) {
    thread_local std::vector<bf16> panel;
    float sums[kBlockRows * kPanelColumns];
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t column = unit / shares * kPanelColumns, share = unit % shares;
      const int64_t columns = std::min<int64_t>(kPanelColumns, shape.n - column);
      const Strip strip = {column, columns, simd::RoundUp(columns, 16)};
      for (int64_t from = 0; from < shape.k; from += depth) {
        const int64_t part = std::min(depth, shape.k - from), even = (part + 1) / 2 * 2;
        panel.resize(even * strip.width);
        pack(from, part, strip, panel.data());
        for (int64_t t = blocks * share / shares; t < blocks * (share + 1) / shares; ++t) {
          const int64_t row = t * kBlockRows, rows = std::min(kBlockRows, shape.m - row);
          multiply(rows, even, strip.width, a + row * stride + from, stride, panel.data(), sums,
                   strip.width, false);
          emit(strip, Sums{row, rows, sums, from == 0});
        }
      }
    }
  });
}

// Takes sums into y: set, or added where `accumulate` or the sum comes in parts.
auto Into(at::Tensor& y, bool accumulate) {
  const bool single = y.scalar_type() == at::kFloat;
  void* data = y.data_ptr();
  const int64_t stride = y.stride(0);
  return [=](const Strip& strip, const Sums& sums) {
    if (!single) {
      bf16* to = static_cast<bf16*>(data) + sums.row * stride + strip.begin;
      simd::Packing()->store(sums.rows, strip.columns, sums.data, strip.width, to, stride);
      return;
    }
    for (int64_t r = 0; r < sums.rows; ++r) {
      const float* from = sums.data + r * strip.width;
      float* to = static_cast<float*>(data) + (sums.row + r) * stride + strip.begin;
      if (accumulate || !sums.first) {
        simd::Blocks().axpy(1, from, strip.columns, to);
      } else {
        std::copy_n(from, strip.columns, to);
      }
    }
  };
}

// bfloat16 sums are rounded once: panels as deep as they are.
int64_t DepthFor(const at::Tensor& y, int64_t k) {
  return y.scalar_type() == at::kFloat ? kSumDepth : std::max<int64_t>(k, 1);
}

void TransposedAten(const at::Tensor& x, const at::Tensor& w, at::Tensor& y) {
  if (y.scalar_type() == x.scalar_type()) {
    at::mm_out(y, x, w.t());
  } else {
    y.copy_(at::mm(x, w.t()));
  }
}

struct Part {
  const FrozenMatrix* frozen;  // or null
  at::Tensor full;
  int64_t begin, end;  // rows of the right factor
};

void PlainParts(const at::Tensor& x, const std::vector<Part>& parts, at::Tensor& y,
                bool accumulate) {
  auto pack = [&](int64_t from, int64_t depth, const Strip& strip, bf16* panel) {
    thread_local std::vector<bf16> unpacked;
    for (const Part& part : parts) {
      const int64_t begin = std::max(from, part.begin), end = std::min(from + depth, part.end);
      if (begin >= end) continue;
      bf16* to = panel + (begin - from) * strip.width;
      if (part.frozen == nullptr) {
        const int64_t stride = part.full.stride(0);
        simd::Packing()->plain(Data(part.full) + (begin - part.begin) * stride + strip.begin,
                               stride, end - begin, strip.columns, strip.width, to);
        continue;
      }
      unpacked.resize((end - begin) * strip.columns);
      part.frozen->Read(begin - part.begin, end - begin, strip.begin, strip.columns,
                        unpacked.data(), strip.columns);
      simd::Packing()->plain(unpacked.data(), strip.columns, end - begin, strip.columns,
                             strip.width, to);
    }
  };
  Multiply({x.size(0), y.size(1), x.size(1)}, Data(x), x.stride(0), DepthFor(y, x.size(1)), pack,
           Into(y, accumulate));
}

void PlainAten(const at::Tensor& x, const std::vector<Part>& parts, at::Tensor& y,
               bool accumulate) {
  at::Tensor product;
  for (const Part& part : parts) {
    const at::Tensor factor = part.frozen ? part.frozen->Full(x.scalar_type()) : part.full;
    const at::Tensor left = x.narrow(1, part.begin, part.end - part.begin);
    product = product.defined() ? product.addmm_(left, factor) : at::mm(left, factor);
  }
  if (accumulate) {
    y.add_(product);
  } else {
    y.copy_(product);
  }
}

void PlainAny(const at::Tensor& x, const std::vector<Part>& parts, at::Tensor& y, bool accumulate) {
  // Pairs along k lie within one part.
  const bool even =
      std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.end % 2 == 0; });
  (Usable(x) && even ? PlainParts : PlainAten)(x, parts, y, accumulate);
}

std::vector<Part> Stack(const FrozenMatrix* base, std::initializer_list<at::Tensor> full) {
  std::vector<Part> parts;
  int64_t row = 0;
  if (base != nullptr) {
    parts.push_back({base, {}, 0, base->rows()});
    row = base->rows();
  }
  for (const at::Tensor& part : full) {
    if (!part.defined() || part.size(0) == 0) continue;
    parts.push_back({nullptr, part, row, row + part.size(0)});
    row += part.size(0);
  }
  return parts;
}

// xᵀ with a zero behind each row of an odd number.
std::vector<bf16> Turned(const at::Tensor& x, int64_t& stride) {
  const int64_t m = x.size(0), k = x.size(1), from_stride = x.stride(0);
  stride = (m + 1) / 2 * 2;
  std::vector<bf16> turned(k * stride);
  const bf16* from = Data(x);
  constexpr int64_t kBlock = 32;
  for (int64_t j0 = 0; j0 < k; j0 += kBlock) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = j0; j < std::min(k, j0 + kBlock); ++j) {
        turned[j * stride + i] = from[i * from_stride + j];
      }
    }
  }
  return turned;
}

}  // namespace

void Transposed(const at::Tensor& x, const at::Tensor& w, at::Tensor y) {
  if (!Usable(x) || x.size(1) % 2 != 0 || x.size(0) < kFewRows) {
    TransposedAten(x, w, y);
    return;
  }
  const bf16* data = Data(w);
  const int64_t stride = w.stride(0);
  auto pack = [=](int64_t from, int64_t depth, const Strip& strip, bf16* panel) {
    simd::Packing()->transposed(data + strip.begin * stride + from, stride, depth, strip.columns,
                                strip.width, panel);
  };
  Multiply({x.size(0), w.size(0), x.size(1)}, Data(x), x.stride(0), DepthFor(y, x.size(1)), pack,
           Into(y, false));
}

void Transposed(const at::Tensor& x, const FrozenMatrix& base, const at::Tensor& w, at::Tensor y) {
  const int64_t split = base.columns(), extra = w.defined() ? w.size(1) : 0;
  if (!Usable(x) || split % 2 != 0 || extra % 2 != 0) {
    at::Tensor product = at::mm(x.narrow(1, 0, split), base.Full(x.scalar_type()).t());
    if (extra > 0) product.addmm_(x.narrow(1, split, extra), w.t());
    y.copy_(product);
    return;
  }
  auto pack = [&](int64_t, int64_t depth, const Strip& strip, bf16* panel) {
    thread_local std::vector<bf16> rows;
    rows.resize(strip.columns * depth);
    base.Read(strip.begin, strip.columns, 0, split, rows.data(), depth);
    for (int64_t j = 0; j < strip.columns && extra > 0; ++j) {
      std::copy_n(Data(w) + (strip.begin + j) * w.stride(0), extra,
                  rows.data() + j * depth + split);
    }
    simd::Packing()->transposed(rows.data(), depth, depth, strip.columns, strip.width, panel);
  };
  Multiply({x.size(0), base.rows(), x.size(1)}, Data(x), x.stride(0), x.size(1), pack,
           Into(y, false));
}

void Plain(const at::Tensor& x, std::initializer_list<at::Tensor> parts, at::Tensor y,
           bool accumulate) {
  PlainAny(x, Stack(nullptr, parts), y, accumulate);
}

void Plain(const at::Tensor& x, const FrozenMatrix& base, std::initializer_list<at::Tensor> parts,
           at::Tensor y) {
  PlainAny(x, Stack(&base, parts), y, false);
}

void Outer(const at::Tensor& x, const at::Tensor& y, double scale, bool flip, at::Tensor out) {
  if (!Usable(x)) {
    if (flip) {
      out.add_(at::mm(y.t(), x), scale);
    } else {
      out.add_(at::mm(x.t(), y), scale);
    }
    return;
  }
  int64_t stride = 0;
  const std::vector<bf16> turned = Turned(x, stride);
  const bf16* right = Data(y);
  const int64_t right_stride = y.stride(0);
  auto pack = [=](int64_t from, int64_t depth, const Strip& strip, bf16* panel) {
    simd::Packing()->plain(right + from * right_stride + strip.begin, right_stride, depth,
                           strip.columns, strip.width, panel);
  };
  float* to = out.data_ptr<float>();
  const int64_t to_stride = out.stride(0);
  const auto factor = static_cast<float>(scale);
  auto emit = [=](const Strip& strip, const Sums& sums) {
    if (!flip) {
      for (int64_t r = 0; r < sums.rows; ++r) {
        simd::Blocks().axpy(factor, sums.data + r * strip.width, strip.columns,
                            to + (sums.row + r) * to_stride + strip.begin);
      }
      return;
    }
    for (int64_t c = 0; c < strip.columns; ++c) {
      float* line = to + (strip.begin + c) * to_stride + sums.row;
      for (int64_t r = 0; r < sums.rows; ++r) line[r] += factor * sums.data[r * strip.width + c];
    }
  };
  Multiply({x.size(1), y.size(1), x.size(0)}, turned.data(), stride, kSumDepth, pack, emit);
}

}  // namespace foundry::lm::matmul
