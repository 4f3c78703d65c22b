#include "common/lm/loss/token_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm {
namespace {

// Below this a teacher's tail is what rounding left of its top-k's sum, and no class. Where a
// logarithm of it is needed all the same, it counts as this much.
constexpr double kSmallestTail = 1e-6;

template <typename T>
double Get(const T* at) {
  float value;
  simd::Rows<T>().to_float(at, 1, &value);
  return value;
}

template <typename T>
void Set(double value, T* at) {
  const auto single = static_cast<float>(value);
  simd::Rows<T>().from_float(&single, 1, at);
}

// The divergence over the classes of the teacher (its top-k, then the tail), and for each class c
// h_c = q_c · dD/dq_c, of which the gradient of the logits is made.
struct Classes {
  std::vector<double> log_p, log_q, h;

  void Add(double log_teacher, double log_student) {
    log_p.push_back(log_teacher);
    log_q.push_back(log_student);
  }

  double Evaluate(Divergence divergence) {
    double sum = 0;
    h.assign(log_p.size(), 0);
    for (size_t c = 0; c < log_p.size(); ++c) {
      const double lp = log_p[c], lq = log_q[c], p = std::exp(lp), q = std::exp(lq);
      switch (divergence) {
        case Divergence::kForwardKl:
          if (p > 0) sum += p * (lp - lq);
          h[c] = -p;
          break;
        case Divergence::kReverseKl:
          h[c] = q * (lq - lp);
          sum += h[c];
          break;
        case Divergence::kJensenShannon: {
          const double lm = std::log((p + q) / 2);
          if (p > 0) sum += p * (lp - lm) / 2;
          if (q > 0) h[c] = q * (lq - lm) / 2;
          sum += h[c];
          break;
        }
      }
    }
    return sum;
  }
};

double LogSum(double a, double b) {
  const double top = std::max(a, b);
  return top + std::log(std::exp(a - top) + std::exp(b - top));
}

// The soft part: log_sum is that of the scaled logits.
template <typename T>
struct SoftPart {
  std::vector<double> logits;  // of the top-k
  Classes classes;
  double log_sum = 0, divergence = 0, h_sum = 0, tail_ratio = 0;  // tail_ratio: h_tail / q_tail

  SoftPart(T* row, int64_t width, const SoftTargets& soft, const int32_t* ids, const float* log_p,
           const LossOptions& options) {
    const double scale = 1 / options.temperature;
    // The tail's sum is made without the top-k, not by taking those from the whole: no
    // cancellation.
    double top_sum = -std::numeric_limits<double>::infinity(), p_sum = 0;
    for (int j = 0; j < soft.k; ++j) {
      logits.push_back(Get(row + ids[j]));
      p_sum += std::exp(static_cast<double>(log_p[j]));
    }
    for (double z : logits) top_sum = LogSum(z * scale, top_sum);
    for (int j = 0; j < soft.k; ++j) Set(-std::numeric_limits<float>::infinity(), row + ids[j]);
    const bool all = width <= soft.k;
    const double rest =
        all ? -std::numeric_limits<double>::infinity()
            : simd::Rows<T>().scaled_log_sum_exp(row, width, static_cast<float>(scale));
    for (int j = 0; j < soft.k; ++j) Set(logits[j], row + ids[j]);
    log_sum = all ? top_sum : LogSum(top_sum, rest);

    for (int j = 0; j < soft.k; ++j) classes.Add(log_p[j], logits[j] * scale - log_sum);
    const double p_tail = 1 - p_sum;
    const bool forward = options.divergence == Divergence::kForwardKl;
    const bool tail = !all && (p_tail > kSmallestTail || !forward);
    if (tail) classes.Add(std::log(std::max(p_tail, kSmallestTail)), rest - log_sum);
    divergence = classes.Evaluate(options.divergence);
    for (double h : classes.h) h_sum += h;
    if (tail && classes.log_q.back() > -700) {
      tail_ratio = classes.h.back() / std::exp(classes.log_q.back());
    }
  }
};

}  // namespace

template <typename T>
double TokenLoss(T* logits, int64_t width, const LossRow& row, const LossOptions& options,
                 bool gradient) {
  const simd::RowKernels<T>& kernels = simd::Rows<T>();
  const double scale = row.weight / options.normalizer, smooth = options.label_smoothing;
  const double share = row.has_soft() ? options.soft_weight : 0, hard = 1 - share;
  const double target = Get(logits + row.target);
  double loss = 0;
  simd::SoftmaxBlend blend;
  blend.share = static_cast<float>(scale * hard);
  if (hard > 0) {
    blend.lse = kernels.log_sum_exp(logits, width);
    const double mean = smooth > 0 ? kernels.mean(logits, width) : 0;
    loss = hard * (blend.lse - (1 - smooth) * target - smooth * mean);
  }
  blend.constant = static_cast<float>(-scale * hard * smooth / static_cast<double>(width));
  auto at_target = [&](double value) { return value - scale * hard * (1 - smooth); };
  if (share <= 0) {
    if (gradient) {
      kernels.softmax(logits, width, blend, logits);
      Set(at_target(blend.share * std::exp(target - blend.lse) + blend.constant),
          logits + row.target);
    }
    return scale * loss;
  }

  const double t = options.temperature, soft_scale = scale * share * t;
  const int64_t k = row.soft->k;
  const int32_t* ids = row.soft->ids.data() + row.soft_position * k;
  SoftPart<T> soft(logits, width, *row.soft, ids, row.soft->logprobs.data() + row.soft_position * k,
                   options);
  loss += share * t * t * soft.divergence;
  if (!gradient) return scale * loss;
  // d/dz_i: of the tail q_i · (h_tail / q_tail - Σh), of the top-k h_i - q_i · Σh.
  blend.soft_share = static_cast<float>(soft_scale * (soft.tail_ratio - soft.h_sum));
  blend.soft_scale = static_cast<float>(1 / t);
  blend.soft_lse = static_cast<float>(soft.log_sum);
  if (blend.share == 0) blend.lse = std::numeric_limits<float>::infinity();
  kernels.softmax(logits, width, blend, logits);
  auto hard_part = [&](double z) {
    return (hard > 0 ? blend.share * std::exp(z - blend.lse) : 0) + blend.constant;
  };
  // Set whole where a class of its own is: bfloat16 would round the sum twice.
  double at = hard_part(target) + blend.soft_share * std::exp(target / t - soft.log_sum);
  for (int64_t j = 0; j < k; ++j) {
    const double q = std::exp(soft.classes.log_q[j]);
    const double value =
        hard_part(soft.logits[j]) + soft_scale * (soft.classes.h[j] - q * soft.h_sum);
    if (ids[j] == row.target) at = value;
    Set(value, logits + ids[j]);
  }
  Set(at_target(at), logits + row.target);
  return scale * loss;
}

template double TokenLoss<float>(float*, int64_t, const LossRow&, const LossOptions&, bool);
template double TokenLoss<simd::bf16>(simd::bf16*, int64_t, const LossRow&, const LossOptions&,
                                      bool);

}  // namespace foundry::lm
