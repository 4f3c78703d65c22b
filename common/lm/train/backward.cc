#include "common/lm/train/backward.h"

#include "common/lm/lora/adapter_layout.h"
#include "common/lm/model/kernels.h"

namespace foundry::lm {
namespace {

// The gradient of a linear's input, [rows, in] in the compute type, given that of its output.
at::Tensor LinearBackward(const Linear& linear, const at::Tensor& input, const at::Tensor& dropped,
                          const at::Tensor& dy, double scale, const LinearGradient& gradient) {
  at::Tensor dinput = at::mm(dy, linear.weight);
  const int64_t extra = linear.lora_columns();
  if (extra == 0) return dinput;
  at::Tensor du = dinput.narrow(1, linear.in, extra).contiguous();
  const at::Tensor& x = dropped.defined() ? dropped : input.narrow(1, 0, linear.in);
  gradient.a.add_(at::mm(du.t(), x));
  int64_t column = linear.in;
  for (const LinearGradient::Part& part : gradient.parts) {
    const int64_t rank = part.b.size(1);
    at::Tensor db = at::mm(dy.narrow(1, part.offset, part.rows).t(), input.narrow(1, column, rank));
    part.b.add_(db, scale);
    column += rank;
  }
  if (dropped.defined()) {
    // Dropped values are exactly zero, and the others were scaled up: the same for the gradient.
    at::Tensor kept = dropped / input.narrow(1, 0, linear.in);
    return dinput.narrow(1, 0, linear.in) + at::mm(du, linear.lora_a) * kept.nan_to_num_(0, 0, 0);
  }
  return at::addmm(dinput.narrow(1, 0, linear.in), du, linear.lora_a);
}

at::Tensor ToCompute(const at::Tensor& x, at::ScalarType compute) {
  at::Tensor y = at::empty(x.sizes(), x.options().dtype(compute));
  kernels::FloatToSlice(x, y, 0);
  return y;
}

// Through RMSNorm of each head: d [rows, heads * depth] float32 in place, for the normed input x.
void HeadNormBackward(at::Tensor d, const at::Tensor& x, const at::Tensor& weight, double eps) {
  const int64_t depth = weight.size(0);
  at::Tensor heads = x.view({-1, depth});
  at::Tensor rstd = at::rsqrt(heads.square().mean(-1) + eps), dx = at::zeros_like(heads);
  kernels::RmsNormBackward(d.view({-1, depth}), heads, weight, rstd, dx);
  d.view({-1, depth}).copy_(dx);
}

}  // namespace

std::vector<LayerGradient> GradientViews(const Adapter& adapter, const Decoder& decoder,
                                         const at::Tensor& flat) {
  std::vector<LayerGradient> views(decoder.layers().size());
  size_t next = 0;
  auto view = [&](const at::Tensor& t) {
    return flat.narrow(0, t.storage_offset() - adapter.flat.storage_offset(), t.numel())
        .view(t.sizes());
  };
  for (size_t l = 0; l < views.size(); ++l) {
    const Layer& layer = decoder.layers()[l];
    LayerGradient& g = views[l];
    for (auto [linear, gradient] :
         {std::pair(&layer.qkv, &g.qkv), std::pair(&layer.o, &g.o),
          std::pair(&layer.gate_up, &g.gate_up), std::pair(&layer.down, &g.down)}) {
      at::Tensor first;
      for (const Linear::Part& part : linear->parts) {
        if (next == adapter.modules.size()) break;
        const AdapterModule& module = adapter.modules[next];
        if (module.layer != static_cast<int64_t>(l) || module.name != part.name) continue;
        if (!first.defined()) first = module.a;
        gradient->parts.push_back({view(module.b), part.offset, part.rows});
        ++next;
      }
      if (!first.defined()) continue;
      // The A's of one linear lie one after the other.
      int64_t columns = static_cast<int64_t>(gradient->parts.size()) * first.size(0);
      gradient->a = flat.narrow(0, first.storage_offset() - adapter.flat.storage_offset(),
                                columns * linear->in)
                        .view({columns, linear->in});
    }
  }
  return views;
}

void LayerBackward(const Decoder& decoder, const Layer& layer, const RopeTables& rope,
                   const Pack& pack, LayerTrace& t, double scale, const LayerGradient& gradient,
                   at::Tensor dx) {
  const ModelConfig& config = decoder.config();
  const at::ScalarType compute = decoder.compute();
  const int64_t depth = config.head_dim, query_width = config.num_heads * depth;
  const int64_t key_width = config.num_kv_heads * depth;

  at::Tensor d = LinearBackward(layer.down, t.down_in, t.down_dropped, ToCompute(dx, compute),
                                scale, gradient.down);
  at::Tensor dgate_up = at::empty_like(t.gate_up);
  kernels::SiluMulBackward(d, t.gate_up, dgate_up);
  d = LinearBackward(layer.gate_up, t.gate_up_in, t.gate_up_dropped, dgate_up, scale,
                     gradient.gate_up);
  kernels::RmsNormBackward(d, t.middle, layer.post_norm, t.post_rstd, dx);

  d = LinearBackward(layer.o, t.o_in, t.o_dropped, ToCompute(dx, compute), scale, gradient.o);
  at::Tensor dout = kernels::SliceToFloat(d, 0, query_width);
  at::Tensor out = kernels::SliceToFloat(t.o_in, 0, query_width);
  at::Tensor dq = at::empty_like(t.q), dk = at::zeros_like(t.k), dv = at::zeros_like(t.v);
  AttendBackward(AttentionShape::Of(config), t.q, t.k, t.v, pack.Tasks(t.k, t.v), out,
                 t.attention_lse, dout, dq, dk, dv);
  kernels::Rotate(dq, depth, rope, true);
  kernels::Rotate(dk, depth, rope, true);
  if (config.qk_norm) {
    HeadNormBackward(dq, kernels::SliceToFloat(t.qkv, 0, query_width), layer.q_norm,
                     config.rms_norm_eps);
    HeadNormBackward(dk, kernels::SliceToFloat(t.qkv, query_width, key_width), layer.k_norm,
                     config.rms_norm_eps);
  }
  at::Tensor dqkv = at::empty({dx.size(0), layer.qkv.out}, dx.options().dtype(compute));
  kernels::FloatToSlice(dq, dqkv, 0);
  kernels::FloatToSlice(dk, dqkv, query_width);
  kernels::FloatToSlice(dv, dqkv, query_width + key_width);
  d = LinearBackward(layer.qkv, t.qkv_in, t.qkv_dropped, dqkv, scale, gradient.qkv);
  kernels::RmsNormBackward(d, t.input, layer.input_norm, t.input_rstd, dx);
  t = LayerTrace{};
}

}  // namespace foundry::lm
