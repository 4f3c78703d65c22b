#include "common/lm/train/gradient.h"

#include "common/base/status.h"
#include "common/lm/model/kernels.h"

namespace foundry::lm {
namespace {

LossOptions LossOptionsOf(const GradientOptions& options, double normalizer) {
  return {normalizer, options.soft_weight, options.soft_temperature, options.soft_divergence,
          options.label_smoothing};
}

// Adds one pack's share to the gradient; returns its share of the loss.
double PackGradient(const Decoder& decoder, const TrainPack& plan, double scale,
                    const std::vector<LayerGradient>& gradient, const GradientOptions& options,
                    double normalizer) {
  const Pack& pack = plan.pack;
  const ModelConfig& config = decoder.config();
  const size_t layers = decoder.layers().size();
  AttentionShape shape = AttentionShape::Of(config);
  RopeTables rope = decoder.rope().Tables(pack.Positions(), decoder.device());
  AttentionFn attend = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           at::Tensor out,
                           at::Tensor* lse) { Attend(shape, q, pack.Tasks(k, v), out, lse); };
  auto forward = [&](size_t l, const at::Tensor& x, LayerTrace& trace) {
    trace.dropout = options.dropout;
    trace.dropout_seed = options.dropout_seed * 8191 + l * 4;
    return LayerForward(config, decoder.layers()[l], rope, x, attend, &trace);
  };

  std::vector<LayerTrace> traces(layers);
  at::Tensor x = decoder.Embed(pack.ids);
  for (size_t l = 0; l < layers; ++l) {
    at::Tensor input = x;
    x = forward(l, input, traces[l]);
    if (options.checkpointing) {
      traces[l] = LayerTrace{};
      traces[l].input = input;
    }
  }
  at::Tensor hidden = at::empty_like(x), rstd;
  kernels::RmsNorm(x, decoder.final_norm(), config.rms_norm_eps, hidden, &rstd);
  at::Tensor dhidden = at::zeros_like(hidden);
  double loss =
      ScoredLoss(decoder, hidden, plan.rows, LossOptionsOf(options, normalizer), &dhidden);
  at::Tensor dx = at::zeros_like(x);
  kernels::RmsNormBackward(dhidden, x, decoder.final_norm(), rstd, dx);
  for (size_t l = layers; l-- > 0;) {
    if (options.checkpointing) forward(l, at::Tensor(traces[l].input), traces[l]);
    LayerBackward(decoder, decoder.layers()[l], rope, pack, traces[l], scale, gradient[l], dx);
  }
  return loss;
}

}  // namespace

double TotalWeight(const std::vector<const Example*>& examples) {
  double weight = 0;
  for (const Example* example : examples) {
    for (float w : example->loss_weights) weight += w;
  }
  return weight;
}

namespace {

double Normalizer(const std::vector<const Example*>& examples, const GradientOptions& options) {
  return options.normalizer > 0 ? options.normalizer : TotalWeight(examples);
}

}  // namespace

absl::StatusOr<LossSum> LossGradient(const Decoder& decoder, const Adapter& adapter,
                                     const std::vector<const Example*>& examples,
                                     const GradientOptions& options, const CancelToken& cancel,
                                     at::Tensor flat) {
  LossSum sum;
  sum.weight = Normalizer(examples, options);
  if (!(sum.weight > 0)) {
    return absl::InvalidArgumentError("no position of this step has a loss: all are masked");
  }
  flat.zero_();
  std::vector<LayerGradient> gradient = GradientViews(adapter, decoder, flat);
  GradientOptions pack_options = options;
  for (const TrainPack& plan : PlanPacks(examples, options.max_rows)) {
    FOUNDRY_RETURN_IF_ERROR(cancel.Check());
    sum.loss += PackGradient(decoder, plan, adapter.scale(), gradient, pack_options, sum.weight);
    sum.rows += plan.pack.rows();
    ++pack_options.dropout_seed;
  }
  return sum;
}

absl::StatusOr<LossSum> MeanLoss(const Decoder& decoder,
                                 const std::vector<const Example*>& examples,
                                 const GradientOptions& options, const CancelToken& cancel) {
  LossSum sum;
  sum.weight = Normalizer(examples, options);
  for (const TrainPack& plan : PlanPacks(examples, options.max_rows)) {
    FOUNDRY_RETURN_IF_ERROR(cancel.Check());
    at::Tensor hidden = decoder.Forward(plan.pack);
    sum.loss += ScoredLoss(decoder, hidden, plan.rows, LossOptionsOf(options, sum.weight), nullptr);
    sum.rows += plan.pack.rows();
  }
  return sum;
}

}  // namespace foundry::lm
