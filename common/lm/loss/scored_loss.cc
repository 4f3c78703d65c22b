#include "common/lm/loss/scored_loss.h"

#include <algorithm>

#include <ATen/Parallel.h>

#include "common/lm/model/matmul.h"

namespace foundry::lm {
namespace {

constexpr size_t kChunkRows = 256;  // 25 MB of bfloat16 logits for 49,152 tokens

// Losses of a chunk; its logits [n, vocab] become gradients.
template <typename T>
double OnCpu(at::Tensor& logits, const LossRow* rows, const LossOptions& options, bool gradient) {
  const int64_t n = logits.size(0), width = logits.size(1);
  std::vector<double> losses(n);
  T* data = static_cast<T*>(logits.data_ptr());
  at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      losses[i] = TokenLoss(data + i * width, width, rows[i], options, gradient);
    }
  });
  double sum = 0;
  for (double loss : losses) sum += loss;
  return sum;
}

// Cross-entropy where the logits are; a few positions of mixed loss go through the CPU.
double OnDevice(at::Tensor& logits, const LossRow* rows, const LossOptions& options,
                bool gradient) {
  const int64_t n = logits.size(0);
  const double smooth = options.label_smoothing;
  at::Tensor target = at::empty({n, 1}, at::kLong), weight = at::empty({n, 1}, at::kFloat);
  for (int64_t i = 0; i < n; ++i) {
    target.data_ptr<int64_t>()[i] = rows[i].target;
    weight.data_ptr<float>()[i] = static_cast<float>(rows[i].weight / options.normalizer);
  }
  target = target.to(logits.device());
  weight = weight.to(logits.device());
  at::Tensor logprobs = logits.to(at::kFloat).log_softmax(-1);
  at::Tensor picked = logprobs.gather(1, target) * (1 - smooth) + logprobs.mean(-1, true) * smooth;
  double loss = -(picked * weight).sum().item<double>();
  if (gradient) {
    at::Tensor d = logprobs.exp_().sub_(smooth / static_cast<double>(logits.size(1)));
    d.scatter_add_(1, target, at::full({n, 1}, smooth - 1, d.options()));
    logits.copy_(d * weight);
  }
  return loss;
}

double ChunkLoss(at::Tensor& logits, const LossRow* rows, const LossOptions& options, bool soft,
                 bool gradient) {
  if (logits.is_cpu()) {
    return logits.scalar_type() == at::kBFloat16 ? OnCpu<uint16_t>(logits, rows, options, gradient)
                                                 : OnCpu<float>(logits, rows, options, gradient);
  }
  if (!soft) return OnDevice(logits, rows, options, gradient);
  at::Tensor near = logits.cpu().to(at::kFloat);
  const double loss = OnCpu<float>(near, rows, options, gradient);
  if (gradient) logits.copy_(near);
  return loss;
}

}  // namespace

double ScoredLoss(const Decoder& decoder, const at::Tensor& hidden,
                  const std::vector<LossRow>& rows, const LossOptions& options,
                  at::Tensor* dhidden) {
  // Rows with soft targets last: chunks are of one kind.
  std::vector<LossRow> sorted = rows;
  auto soft_begin = std::stable_partition(sorted.begin(), sorted.end(), [&](const LossRow& row) {
    return options.soft_weight <= 0 || !row.has_soft();
  });
  const size_t hard_rows = soft_begin - sorted.begin();
  double loss = 0;
  for (size_t from = 0; from < sorted.size();) {
    size_t limit = from < hard_rows ? hard_rows : sorted.size();
    int64_t n = static_cast<int64_t>(std::min(kChunkRows, limit - from));
    at::Tensor index = at::empty({n}, at::kLong);
    for (int64_t i = 0; i < n; ++i) index.data_ptr<int64_t>()[i] = sorted[from + i].row;
    index = index.to(hidden.device());
    at::Tensor logits = at::empty({n, decoder.lm_head().size(0)}, decoder.lm_head().options());
    matmul::Transposed(at::index_select(hidden, 0, index).to(decoder.compute()), decoder.lm_head(),
                       logits);
    const bool gradient = dhidden != nullptr;
    loss += ChunkLoss(logits, sorted.data() + from, options, from >= hard_rows, gradient);
    if (gradient) {
      at::Tensor d = at::empty({n, hidden.size(1)}, hidden.options());
      matmul::Plain(logits, {decoder.lm_head()}, d);
      dhidden->index_add_(0, index, d);
    }
    from += n;
  }
  return loss;
}

}  // namespace foundry::lm
