#include "common/lm/loss/scored_loss.h"

#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>

#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm {
namespace {

constexpr size_t kChunkRows = 256;  // 25 MB of bfloat16 logits for 49,152 tokens

// Losses of a chunk; its logits [n, vocab] become gradients. Cross-entropy alone.
template <typename T>
double HardCpu(at::Tensor& logits, const LossRow* rows, double normalizer, bool gradient) {
  int64_t n = logits.size(0), width = logits.size(1);
  std::vector<double> losses(n);
  T* data = static_cast<T*>(logits.data_ptr());
  at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
    const simd::RowKernels<T>& kernels = simd::Rows<T>();
    for (int64_t i = begin; i < end; ++i) {
      T* row = data + i * width;
      float lse = kernels.log_sum_exp(row, width), target;
      kernels.to_float(row + rows[i].target, 1, &target);
      losses[i] = static_cast<double>(rows[i].weight) * (lse - target);
      if (!gradient) continue;
      float scale = static_cast<float>(rows[i].weight / normalizer);
      kernels.softmax(row, width, lse, scale, row);
      float at_target = scale * (std::exp(target - lse) - 1.0f);
      kernels.from_float(&at_target, 1, row + rows[i].target);
    }
  });
  double sum = 0;
  for (double loss : losses) sum += loss;
  return sum / normalizer;
}

double HardAten(at::Tensor& logits, const LossRow* rows, double normalizer, bool gradient) {
  int64_t n = logits.size(0);
  at::Tensor target = at::empty({n, 1}, at::kLong), weight = at::empty({n, 1}, at::kFloat);
  for (int64_t i = 0; i < n; ++i) {
    target.data_ptr<int64_t>()[i] = rows[i].target;
    weight.data_ptr<float>()[i] = static_cast<float>(rows[i].weight / normalizer);
  }
  target = target.to(logits.device());
  weight = weight.to(logits.device());
  at::Tensor logprobs = logits.to(at::kFloat).log_softmax(-1);
  double loss = -(logprobs.gather(1, target) * weight).sum().item<double>();
  if (gradient) {
    at::Tensor d = logprobs.exp_();
    d.scatter_add_(1, target, at::full({n, 1}, -1.0, d.options()));
    logits.copy_(d * weight);
  }
  return loss;
}

// One position with soft targets; `logits` [vocab] becomes the gradient.
double Soft(at::Tensor logits, const LossRow& row, const LossOptions& options, bool gradient) {
  const SoftTargets& soft = *row.soft;
  const int64_t k = soft.k;
  at::Tensor ids = at::empty({k}, at::kLong), teacher = at::empty({k}, at::kFloat);
  for (int64_t j = 0; j < k; ++j) {
    ids.data_ptr<int64_t>()[j] = soft.ids[row.soft_position * k + j];
    teacher.data_ptr<float>()[j] = soft.logprobs[row.soft_position * k + j];
  }
  ids = ids.to(logits.device());
  teacher = teacher.to(logits.device());
  const double t = options.temperature, share = options.soft_weight;
  at::Tensor z = logits.to(at::kFloat), hard = z.log_softmax(-1), student = (z / t).log_softmax(-1);
  at::Tensor p = teacher.exp(), log_q = student.index_select(0, ids);
  double p_tail = std::max(0.0, 1.0 - p.sum().item<double>());
  // Of the student's mass outside the top-k, without cancellation.
  at::Tensor rest = student.clone();
  rest.index_fill_(0, ids, -INFINITY);
  double log_q_tail = rest.logsumexp(0).item<double>();
  double kl = (p * (teacher - log_q)).sum().item<double>();
  if (p_tail > 1e-6) kl += p_tail * (std::log(p_tail) - log_q_tail);
  double cross_entropy = -hard[row.target].item<double>();
  double scale = row.weight / options.normalizer;
  if (gradient) {
    at::Tensor q = student.exp();
    at::Tensor d_soft = q - rest.sub_(log_q_tail).exp_() * (p_tail > 1e-6 ? p_tail : 0.0);
    d_soft.index_add_(0, ids, -p);
    at::Tensor d_hard = hard.exp_();
    d_hard[row.target] -= 1;
    logits.copy_((d_hard * (1 - share) + d_soft * (share * t)) * scale);
  }
  return scale * ((1 - share) * cross_entropy + share * t * t * kl);
}

}  // namespace

double ScoredLoss(const Decoder& decoder, const at::Tensor& hidden,
                  const std::vector<LossRow>& rows, const LossOptions& options,
                  at::Tensor* dhidden) {
  // Rows with soft targets last, so that the others go through in whole chunks.
  std::vector<LossRow> sorted = rows;
  auto is_hard = [&](const LossRow& row) {
    return !row.soft || options.soft_weight <= 0 ||
           row.soft->ids[row.soft_position * row.soft->k] < 0;
  };
  auto soft_begin = std::stable_partition(sorted.begin(), sorted.end(), is_hard);
  const size_t hard_rows = soft_begin - sorted.begin();
  double loss = 0;
  for (size_t from = 0; from < sorted.size();) {
    size_t limit = from < hard_rows ? hard_rows : sorted.size();
    int64_t n = static_cast<int64_t>(std::min(kChunkRows, limit - from));
    at::Tensor index = at::empty({n}, at::kLong);
    for (int64_t i = 0; i < n; ++i) index.data_ptr<int64_t>()[i] = sorted[from + i].row;
    index = index.to(hidden.device());
    at::Tensor logits =
        at::mm(at::index_select(hidden, 0, index).to(decoder.compute()), decoder.lm_head().t());
    const LossRow* chunk = sorted.data() + from;
    const bool gradient = dhidden != nullptr;
    if (from >= hard_rows) {
      for (int64_t i = 0; i < n; ++i) loss += Soft(logits[i], chunk[i], options, gradient);
    } else if (!logits.is_cpu()) {
      loss += HardAten(logits, chunk, options.normalizer, gradient);
    } else if (logits.scalar_type() == at::kBFloat16) {
      loss += HardCpu<simd::bf16>(logits, chunk, options.normalizer, gradient);
    } else {
      loss += HardCpu<float>(logits, chunk, options.normalizer, gradient);
    }
    if (gradient) {
      dhidden->index_add_(0, index, at::mm(logits, decoder.lm_head()).to(at::kFloat));
    }
    from += n;
  }
  return loss;
}

}  // namespace foundry::lm
