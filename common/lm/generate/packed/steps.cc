#include "common/lm/generate/steps.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "common/lm/generate/packed/attention.h"
#include "common/lm/generate/packed/page_cache.h"
#include "common/lm/generate/packed/weights.h"
#include "common/lm/model/rope.h"
#include "common/lm/packed/parallel.h"

namespace foundry::lm {
namespace packed {

using simd::bf16;
using simd::kPanelColumns;

struct AnyWeights {
  std::variant<Weights<float>, Weights<bf16>> any;
};

namespace {

constexpr int64_t kRowBlock = 128;  // rows of a product that stay in the cache
constexpr int64_t kHeadChunk = 8;   // panels of the vocabulary that one thread takes at once

// x [rows, n] with rows of `stride` values.
template <typename T>
struct Rows2d {
  std::vector<T> data;
  int64_t stride = 0;

  void Resize(int64_t rows, int64_t width) {
    stride = width;
    data.resize(static_cast<size_t>(rows * width));
  }
  T* row(int64_t i) { return data.data() + i * stride; }
  const T* row(int64_t i) const { return data.data() + i * stride; }
};

template <typename T>
class StepsImpl : public Steps {
 public:
  StepsImpl(const Decoder& decoder, PackedWeights weights)
      : decoder_(decoder),
        config_(decoder.config()),
        keep_(std::move(weights)),
        weights_(std::get<Weights<T>>(keep_->any)),
        cache_(config_),
        attention_(config_, cache_) {}

  int64_t Add(int64_t prefix, int64_t reserve) override {
    const int64_t slot = cache_.Add(prefix);
    cache_.Reserve(slot, reserve);
    return slot;
  }
  void Remove(int64_t slot) override { cache_.Remove(slot); }

  void Run(absl::Span<const int32_t> ids, absl::Span<const CacheStep> steps) override {
    rows_ = static_cast<int64_t>(ids.size());
    Locate(steps);
    Embed(ids);
    attention_.Plan(steps);
    for (size_t l = 0; l < weights_.layers().size(); ++l) RunLayer(static_cast<int64_t>(l));
    for (const CacheStep& step : steps) cache_.Advance(step.slot, step.count);
  }

  std::vector<SampledToken> Greedy(absl::Span<const int64_t> rows) override;
  std::vector<absl::Span<const float>> Logits(absl::Span<const int64_t> rows) override;

 private:
  struct Place {
    int64_t slot = 0, at = 0;  // row of the slot
  };

  // Where the rows go in the cache, and their rotations.
  void Locate(absl::Span<const CacheStep> steps) {
    places_.clear();
    std::vector<RopePosition> positions;
    for (const CacheStep& step : steps) {
      cache_.Reserve(step.slot, step.count);
      const int64_t begin = cache_.position(step.slot), own = cache_.length(step.slot);
      for (int64_t i = 0; i < step.count; ++i) {
        places_.push_back({step.slot, own + i});
        positions.push_back({begin + i, std::max(step.length, begin + step.count)});
      }
    }
    rope_ = decoder_.rope().Tables(positions, at::kCPU);
  }

  void Embed(absl::Span<const int32_t> ids) {
    const at::Tensor embedded = decoder_.Embed(ids);
    const float* from = embedded.const_data_ptr<float>();
    x_.Resize(rows_, simd::RoundUp(config_.hidden_size, kPanelColumns));
    for (int64_t i = 0; i < rows_; ++i) {
      std::copy_n(from + i * config_.hidden_size, config_.hidden_size, x_.row(i));
    }
  }

  void Norm(const at::Tensor& weight, int64_t k, Rows2d<T>* out) {
    out->Resize(rows_, k);
    const float* w = weight.const_data_ptr<float>();
    ForBlocks(rows_, 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) NormRow(x_.row(i), w, out->row(i));
    });
  }
  void NormRow(const float* x, const float* weight, T* out) const {
    simd::Rows<T>().rms_norm(x, weight, static_cast<float>(config_.rms_norm_eps),
                             config_.hidden_size, out);
  }

  // u = in · Aᵀ of an adapter; empty without one.
  void Adapt(const Matrix<T>& a, const Rows2d<T>& in) {
    if (a.panels() == 0) return;
    sums_.Resize(rows_, a.width());
    u_.Resize(rows_, simd::RoundUp(a.outputs, simd::kTogether<T>));
    ForUnits(a.panels(), [&](int64_t p) {
      panels_.multiply(rows_, a.k, kPanelColumns, in.row(0), in.stride, a.panel(p),
                       sums_.row(0) + p * kPanelColumns, sums_.stride, false);
    });
    for (int64_t i = 0; i < rows_; ++i) {
      std::fill_n(u_.row(i), u_.stride, T{0});
      if constexpr (sizeof(T) == sizeof(float)) {
        std::copy_n(sums_.row(i), a.outputs, u_.row(i));
      } else {
        simd::Rows<T>().from_float(sums_.row(i), a.outputs, u_.row(i));
      }
    }
  }

  // Rows [begin, end), one panel: c (+)= in · Wᵀ + u · Bᵀ + bias.
  void Product(const PackedLinear<T>& linear, int64_t p, const Rows2d<T>& in, int64_t begin,
               int64_t end, float* c, int64_t ldc, bool accumulate) const {
    panels_.multiply(end - begin, linear.base.k, kPanelColumns, in.row(begin), in.stride,
                     linear.base.panel(p), c, ldc, accumulate);
    if (linear.lora_b.panels() > 0) {
      panels_.multiply(end - begin, linear.lora_b.k, kPanelColumns, u_.row(begin), u_.stride,
                       linear.lora_b.panel(p), c, ldc, true);
    }
    if (linear.bias.empty()) return;
    const int64_t columns = std::min(kPanelColumns, linear.base.outputs - p * kPanelColumns);
    for (int64_t i = 0; i < end - begin; ++i) {
      for (int64_t j = 0; j < columns; ++j) c[i * ldc + j] += linear.bias[p * kPanelColumns + j];
    }
  }

  void Products(const PackedLinear<T>& linear, const Rows2d<T>& in, Rows2d<float>* out,
                bool accumulate) const {
    ForUnits(linear.base.panels(), [&](int64_t p) {
      for (int64_t begin = 0; begin < rows_; begin += kRowBlock) {
        Product(linear, p, in, begin, std::min(begin + kRowBlock, rows_),
                out->row(begin) + p * kPanelColumns, out->stride, accumulate);
      }
    });
  }

  void RunLayer(int64_t index) {
    const PackedLayer<T>& layer = weights_.layers()[index];
    const Layer& source = decoder_.layers()[index];
    Norm(source.input_norm, layer.qkv.base.k, &in_);
    Adapt(layer.qkv_a, in_);
    sums2_.Resize(rows_, layer.qkv.base.width());
    Products(layer.qkv, in_, &sums2_, false);
    PlaceKeys(index, source);
    const int64_t width = config_.num_heads * config_.head_dim;
    attended_.Resize(rows_, simd::RoundUp(width, simd::kTogether<T>));
    attention_.Run(index, queries_.row(0), attended_.row(0), attended_.stride);
    Adapt(layer.o_a, attended_);
    Products(layer.o, attended_, &x_, true);

    Norm(source.post_norm, layer.gate.base.k, &in_);
    Adapt(layer.gate_up_a, in_);
    inner_.Resize(rows_, layer.gate.base.width());
    ForUnits(layer.gate.base.panels(), [&](int64_t p) {
      thread_local std::vector<float> gate(kRowBlock * kPanelColumns), up(gate.size());
      for (int64_t begin = 0; begin < rows_; begin += kRowBlock) {
        const int64_t end = std::min(begin + kRowBlock, rows_);
        Product(layer.gate, p, in_, begin, end, gate.data(), kPanelColumns, false);
        Product(layer.up, p, in_, begin, end, up.data(), kPanelColumns, false);
        for (int64_t i = begin; i < end; ++i) {
          const int64_t at = (i - begin) * kPanelColumns;
          panels_.silu_mul(gate.data() + at, up.data() + at, kPanelColumns,
                           inner_.row(i) + p * kPanelColumns);
        }
      }
    });
    Adapt(layer.down_a, inner_);
    Products(layer.down, inner_, &x_, true);
  }

  // Queries, rotated, to queries_; keys and values to the cache.
  void PlaceKeys(int64_t index, const Layer& source) {
    const int64_t depth = config_.head_dim, half = rope_.cos.size(1);
    const int64_t width = config_.num_heads * depth, key_width = config_.num_kv_heads * depth;
    const float eps = static_cast<float>(config_.rms_norm_eps);
    const float* cos = rope_.cos.template const_data_ptr<float>();
    const float* sin = rope_.sin.template const_data_ptr<float>();
    const float* q_norm = config_.qk_norm ? source.q_norm.const_data_ptr<float>() : nullptr;
    const float* k_norm = config_.qk_norm ? source.k_norm.const_data_ptr<float>() : nullptr;
    queries_.Resize(rows_, width);
    ForBlocks(rows_, 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float* qkv = sums2_.row(i);
        for (int64_t head = 0; head < config_.num_heads + config_.num_kv_heads; ++head) {
          float* x = qkv + head * depth;
          const float* norm = head < config_.num_heads ? q_norm : k_norm;
          if (norm != nullptr) simd::Rows<float>().rms_norm(x, norm, eps, depth, x);
          panels_.rotate(cos + i * half, sin + i * half, half, x);
        }
        if constexpr (sizeof(T) == sizeof(float)) {
          std::copy_n(qkv, width, queries_.row(i));
        } else {
          simd::Rows<T>().from_float(qkv, width, queries_.row(i));
        }
        cache_.Write(places_[i].slot, index, places_[i].at, qkv + width, qkv + width + key_width);
      }
    });
  }

  void FinalNorm(absl::Span<const int64_t> rows) {
    in_.Resize(static_cast<int64_t>(rows.size()), weights_.lm_head().k);
    const float* w = decoder_.final_norm().const_data_ptr<float>();
    for (size_t i = 0; i < rows.size(); ++i) {
      NormRow(x_.row(rows[i]), w, in_.row(static_cast<int64_t>(i)));
    }
  }

  const Decoder& decoder_;
  const ModelConfig& config_;
  const PackedWeights keep_;
  const Weights<T>& weights_;
  const simd::PanelKernels<T>& panels_ = *simd::Panels<T>();
  PageCache<T> cache_;
  Attention<T> attention_;
  int64_t rows_ = 0;
  std::vector<Place> places_;
  RopeTables rope_;
  Rows2d<float> x_, sums_, sums2_, logits_;
  Rows2d<T> in_, u_, queries_, attended_, inner_;
};

template <typename T>
std::vector<SampledToken> StepsImpl<T>::Greedy(absl::Span<const int64_t> rows) {
  FinalNorm(rows);
  const Matrix<T>& head = weights_.lm_head();
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t chunks = (head.panels() + kHeadChunk - 1) / kHeadChunk;
  std::vector<simd::TopState> states(static_cast<size_t>(chunks * count));
  ForUnits(chunks, [&](int64_t c) {
    thread_local std::vector<float> block;
    block.resize(static_cast<size_t>(count * kPanelColumns));
    const int64_t end = std::min((c + 1) * kHeadChunk, head.panels());
    for (int64_t p = c * kHeadChunk; p < end; ++p) {
      panels_.multiply(count, head.k, kPanelColumns, in_.row(0), in_.stride, head.panel(p),
                       block.data(), kPanelColumns, false);
      const int64_t first = p * kPanelColumns;
      for (int64_t i = 0; i < count; ++i) {
        panels_.fold(block.data() + i * kPanelColumns,
                     std::min(kPanelColumns, head.outputs - first), static_cast<int32_t>(first),
                     &states[c * count + i]);
      }
    }
  });
  std::vector<SampledToken> tokens;
  for (int64_t i = 0; i < count; ++i) {
    const simd::TopState* best = &states[i];
    for (int64_t c = 1; c < chunks; ++c) {
      if (states[c * count + i].top > best->top) best = &states[c * count + i];
    }
    double sum = 0;
    for (int64_t c = 0; c < chunks; ++c) {
      const simd::TopState& state = states[c * count + i];
      sum += state.sum * std::exp(static_cast<double>(state.top) - best->top);
    }
    tokens.push_back({best->at, -std::log(sum)});
  }
  return tokens;
}

template <typename T>
std::vector<absl::Span<const float>> StepsImpl<T>::Logits(absl::Span<const int64_t> rows) {
  FinalNorm(rows);
  const Matrix<T>& head = weights_.lm_head();
  const auto count = static_cast<int64_t>(rows.size());
  logits_.Resize(count, head.width());
  ForUnits(head.panels(), [&](int64_t p) {
    panels_.multiply(count, head.k, kPanelColumns, in_.row(0), in_.stride, head.panel(p),
                     logits_.row(0) + p * kPanelColumns, logits_.stride, false);
  });
  std::vector<absl::Span<const float>> out;
  for (int64_t i = 0; i < count; ++i) {
    out.emplace_back(logits_.row(i), static_cast<size_t>(head.outputs));
  }
  return out;
}

// Bytes of the weights that would be laid out.
int64_t Size(const Decoder& decoder) {
  int64_t values = decoder.lm_head().numel();
  for (const Layer& layer : decoder.layers()) {
    for (const Linear* linear : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) {
      values += linear->in * linear->out;  // also where they are held in fewer bits
    }
  }
  return values * static_cast<int64_t>(decoder.lm_head().element_size());
}

template <typename T>
std::unique_ptr<Steps> Make(const Decoder& decoder, PackedWeights* weights) {
  if (simd::Panels<T>() == nullptr) return nullptr;
  if (*weights == nullptr || !std::holds_alternative<Weights<T>>((*weights)->any)) {
    *weights = std::make_shared<AnyWeights>();
    (*weights)->any.template emplace<Weights<T>>();
  }
  std::get<Weights<T>>((*weights)->any).Update(decoder);
  return std::make_unique<StepsImpl<T>>(decoder, *weights);
}

}  // namespace
}  // namespace packed

std::unique_ptr<Steps> PackedSteps(const Decoder& decoder, PackedWeights* weights) {
  constexpr int64_t kShare = 4;  // of the machine's memory
  const int64_t memory = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  // A share of a model's ranks: its sums over ranks are the decoder's.
  if (decoder.shard() != nullptr) return nullptr;
  if (!decoder.device().is_cpu() || packed::Size(decoder) > memory / kShare) return nullptr;
  return decoder.compute() == at::kBFloat16 ? packed::Make<simd::bf16>(decoder, weights)
                                            : packed::Make<float>(decoder, weights);
}

}  // namespace foundry::lm
