#include "common/lm/embed/packed_bert.h"

#include <algorithm>
#include <cmath>

#include "common/lm/packed/matrix.h"
#include "common/lm/packed/parallel.h"

namespace foundry::lm {
namespace {

using packed::ForBlocks;
using packed::ForUnits;
using packed::Matrix;
using simd::bf16;
using simd::kPanelColumns;

constexpr int64_t kRowBlock = 128;  // rows of a product that stay in the cache
constexpr int64_t kNormRows = 16;   // rows that one thread takes at once

template <typename T>
void FromFloat(const float* x, int64_t n, T* y) {
  if constexpr (sizeof(T) == sizeof(float)) {
    std::copy_n(x, n, y);
  } else {
    simd::Rows<T>().from_float(x, n, y);
  }
}

template <typename T>
class PackedBertOf : public PackedBert {
 public:
  explicit PackedBertOf(const Bert& bert) : bert_(bert), config_(bert.config()) {
    for (const Bert::Layer& layer : bert.layers()) {
      layers_.push_back({Linear(layer.qkv), Linear(layer.attention_out), Linear(layer.up),
                         Linear(layer.down), &layer.attention_norm, &layer.out_norm});
    }
  }

  void Embed(absl::Span<const absl::Span<const int32_t>> texts, float* out) const override;

 private:
  struct Affine {
    Matrix<T> weight;
    at::Tensor bias;
  };
  struct Layer {
    Affine qkv, attention_out, up, down;
    const Bert::Affine *attention_norm, *out_norm;
  };
  // What one call computes with; kept by each calling thread.
  struct Work {
    int64_t rows = 0;
    std::vector<int64_t> begins;  // first row of each text, and the end
    std::vector<float> x, sums;
    std::vector<T> in, inner;
  };

  static Affine Linear(const Bert::Affine& affine) {
    constexpr at::ScalarType kType = sizeof(T) == 2 ? at::kBFloat16 : at::kFloat;
    return {packed::Pack<T>(affine.weight.to(kType)), affine.bias};
  }

  void Start(absl::Span<const absl::Span<const int32_t>> texts, Work* work) const;
  // x = norm(x) in place, and in = x.
  void Norm(const Bert::Affine& norm, Work* work) const;
  // c[rows, ldc] (+)= in · Wᵀ + bias.
  void Product(const Affine& affine, const std::vector<T>& in, int64_t stride, bool accumulate,
               float* c, int64_t ldc, int64_t rows) const;
  // The panel `p` of rows [begin, end).
  void Panel(const Affine& affine, int64_t p, const T* in, int64_t stride, int64_t count,
             bool accumulate, float* c, int64_t ldc) const;
  void Attend(Work* work) const;

  const Bert& bert_;
  const BertConfig& config_;
  const simd::PanelKernels<T>& kernels_ = *simd::Panels<T>();
  std::vector<Layer> layers_;
};

template <typename T>
void PackedBertOf<T>::Start(absl::Span<const absl::Span<const int32_t>> texts, Work* work) const {
  work->begins.assign(1, 0);
  for (const auto text : texts) {
    work->begins.push_back(work->begins.back() + static_cast<int64_t>(text.size()));
  }
  work->rows = work->begins.back();
  const int64_t n = config_.hidden_size, stride = simd::RoundUp(n, kPanelColumns);
  work->x.resize(static_cast<size_t>(work->rows * stride));
  work->in.resize(work->x.size());
  const float* words = bert_.words().const_data_ptr<float>();
  const float* positions = bert_.positions().const_data_ptr<float>();
  const float* type = bert_.types().const_data_ptr<float>();
  ForUnits(static_cast<int64_t>(texts.size()), [&](int64_t t) {
    for (size_t i = 0; i < texts[t].size(); ++i) {
      const float* word = words + texts[t][i] * n;
      const float* position = positions + static_cast<int64_t>(i) * n;
      float* row = work->x.data() + (work->begins[t] + static_cast<int64_t>(i)) * stride;
      for (int64_t d = 0; d < n; ++d) row[d] = word[d] + position[d] + type[d];
    }
  });
}

template <typename T>
void PackedBertOf<T>::Norm(const Bert::Affine& norm, Work* work) const {
  const int64_t n = config_.hidden_size, stride = simd::RoundUp(n, kPanelColumns);
  const float* weight = norm.weight.const_data_ptr<float>();
  const float* bias = norm.bias.const_data_ptr<float>();
  ForBlocks(work->rows, kNormRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* row = work->x.data() + i * stride;
      kernels_.layer_norm(row, weight, bias, static_cast<float>(config_.layer_norm_eps), n, row);
      FromFloat(row, n, work->in.data() + i * stride);
    }
  });
}

template <typename T>
void PackedBertOf<T>::Panel(const Affine& affine, int64_t p, const T* in, int64_t stride,
                            int64_t count, bool accumulate, float* c, int64_t ldc) const {
  kernels_.multiply(count, affine.weight.k, kPanelColumns, in, stride, affine.weight.panel(p), c,
                    ldc, accumulate);
  const float* bias = affine.bias.template const_data_ptr<float>() + p * kPanelColumns;
  const int64_t columns = std::min(kPanelColumns, affine.weight.outputs - p * kPanelColumns);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < columns; ++j) c[i * ldc + j] += bias[j];
  }
}

template <typename T>
void PackedBertOf<T>::Product(const Affine& affine, const std::vector<T>& in, int64_t stride,
                              bool accumulate, float* c, int64_t ldc, int64_t rows) const {
  ForUnits(affine.weight.panels(), [&](int64_t p) {
    for (int64_t begin = 0; begin < rows; begin += kRowBlock) {
      Panel(affine, p, in.data() + begin * stride, stride, std::min(kRowBlock, rows - begin),
            accumulate, c + begin * ldc + p * kPanelColumns, ldc);
    }
  });
}

// sums (queries, keys and values of every row) to in.
template <typename T>
void PackedBertOf<T>::Attend(Work* work) const {
  constexpr int64_t kTogether = simd::kTogether<T>;
  const int64_t heads = config_.num_heads, depth = config_.hidden_size / heads;
  const int64_t deep = simd::RoundUp(depth, kTogether), columns = simd::RoundUp(depth, 16);
  const int64_t wide = simd::RoundUp(3 * config_.hidden_size, kPanelColumns);
  const int64_t stride = simd::RoundUp(config_.hidden_size, kPanelColumns);
  const float scale = 1.0f / std::sqrt(static_cast<float>(depth));
  ForUnits((static_cast<int64_t>(work->begins.size()) - 1) * heads, [&](int64_t unit) {
    const int64_t text = unit / heads, head = unit % heads, begin = work->begins[text];
    const int64_t m = work->begins[text + 1] - begin, width = simd::RoundUp(m, kPanelColumns);
    const float* qkv = work->sums.data() + begin * wide + head * depth;
    thread_local std::vector<T> queries, keys, values, row, weights;
    thread_local std::vector<float> scores, result;
    queries.assign(static_cast<size_t>(m * deep), T{0});
    keys.assign(static_cast<size_t>(width * deep), T{0});
    values.assign(static_cast<size_t>(width * simd::RoundUp(columns, simd::kMostPanelColumns)),
                  T{0});
    row.resize(static_cast<size_t>(depth));
    for (int64_t i = 0; i < m; ++i) {
      FromFloat(qkv + i * wide, depth, queries.data() + i * deep);
      FromFloat(qkv + i * wide + config_.hidden_size, depth, row.data());
      T* panel = keys.data() + i / kPanelColumns * kPanelColumns * deep;
      for (int64_t d = 0; d < depth; ++d) {
        panel[(d / kTogether * kPanelColumns + i % kPanelColumns) * kTogether + d % kTogether] =
            row[d];
      }
      FromFloat(qkv + i * wide + 2 * config_.hidden_size, depth, row.data());
      for (int64_t d = 0; d < depth; ++d) {
        const int64_t first = d / simd::kMostPanelColumns * simd::kMostPanelColumns;
        const int64_t panel_columns = std::min(simd::kMostPanelColumns, columns - first);
        values[first * width + (i / kTogether * panel_columns + d - first) * kTogether +
               i % kTogether] = row[d];
      }
    }
    scores.resize(static_cast<size_t>(m * width));
    for (int64_t j = 0; j < width; j += kPanelColumns) {
      kernels_.multiply(m, deep, kPanelColumns, queries.data(), deep, keys.data() + j * deep,
                        scores.data() + j, width, false);
    }
    for (int64_t i = 0; i < m; ++i) {
      simd::Blocks().softmax(scores.data() + i * width, width, 0, m, scale);
    }
    weights.resize(scores.size());
    FromFloat(scores.data(), m * width, weights.data());
    result.resize(static_cast<size_t>(m * columns));
    for (int64_t j = 0; j < columns; j += simd::kMostPanelColumns) {
      kernels_.multiply(m, width, std::min(simd::kMostPanelColumns, columns - j), weights.data(),
                        width, values.data() + j * width, result.data() + j, columns, false);
    }
    for (int64_t i = 0; i < m; ++i) {
      FromFloat(result.data() + i * columns, depth,
                work->in.data() + (begin + i) * stride + head * depth);
    }
  });
}

template <typename T>
void PackedBertOf<T>::Embed(absl::Span<const absl::Span<const int32_t>> texts, float* out) const {
  thread_local Work kept;
  Work& work = kept;  // other threads see this one's
  Start(texts, &work);
  const int64_t n = config_.hidden_size, stride = simd::RoundUp(n, kPanelColumns);
  const int64_t wide = simd::RoundUp(3 * n, kPanelColumns);
  const int64_t inner = simd::RoundUp(config_.intermediate_size, kPanelColumns);
  work.sums.resize(static_cast<size_t>(work.rows * wide));
  work.inner.resize(static_cast<size_t>(work.rows * inner));
  Norm(bert_.embedding_norm(), &work);
  for (const Layer& layer : layers_) {
    Product(layer.qkv, work.in, stride, false, work.sums.data(), wide, work.rows);
    Attend(&work);
    Product(layer.attention_out, work.in, stride, true, work.x.data(), stride, work.rows);
    Norm(*layer.attention_norm, &work);
    ForUnits(layer.up.weight.panels(), [&](int64_t p) {
      thread_local std::vector<float> block(kRowBlock * kPanelColumns);
      for (int64_t begin = 0; begin < work.rows; begin += kRowBlock) {
        const int64_t count = std::min(kRowBlock, work.rows - begin);
        Panel(layer.up, p, work.in.data() + begin * stride, stride, count, false, block.data(),
              kPanelColumns);
        for (int64_t i = 0; i < count; ++i) {
          kernels_.gelu(block.data() + i * kPanelColumns, kPanelColumns,
                        work.inner.data() + (begin + i) * inner + p * kPanelColumns);
        }
      }
    });
    Product(layer.down, work.inner, inner, true, work.x.data(), stride, work.rows);
    Norm(*layer.out_norm, &work);
  }
  ForUnits(static_cast<int64_t>(texts.size()), [&](int64_t t) {
    float* sum = out + t * n;
    std::fill_n(sum, n, 0.0f);
    for (int64_t i = work.begins[t]; i < work.begins[t + 1]; ++i) {
      simd::Blocks().axpy(1, work.x.data() + i * stride, n, sum);
    }
    const float norm = std::sqrt(simd::Blocks().dot(sum, sum, n));
    for (int64_t d = 0; d < n; ++d) sum[d] /= std::max(norm, 1e-12f);
  });
}

}  // namespace

std::unique_ptr<PackedBert> PackedBert::Make(const Bert& bert, bool bf16_products) {
  if (!bf16_products) return std::make_unique<PackedBertOf<float>>(bert);
  if (simd::Panels<bf16>() == nullptr) return nullptr;
  return std::make_unique<PackedBertOf<bf16>>(bert);
}

}  // namespace foundry::lm
