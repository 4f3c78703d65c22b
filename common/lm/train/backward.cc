#include "common/lm/train/backward.h"

#include "common/lm/lora/adapter_layout.h"
#include "common/lm/model/kernels.h"
#include "common/lm/model/matmul.h"

namespace foundry::lm {
namespace {

// Room for the gradient of a linear's output, with that of the adapter's u beside it:
// [rows, out + lora_columns].
at::Tensor OutputGradient(const Linear& linear, int64_t rows, at::Device device) {
  return at::empty({rows, linear.out + linear.lora_columns()},
                   at::TensorOptions(linear.compute()).device(device));
}

at::Tensor ToCompute(const at::Tensor& dx, const Linear& linear) {
  at::Tensor dy = OutputGradient(linear, dx.size(0), dx.device());
  kernels::FloatToSlice(dx, dy, 0);
  return dy;
}

// dy · W of the base weights, and of the adapter's A where `dy` has du beside it.
at::Tensor InputGradient(const Linear& linear, const at::Tensor& dy, const at::Tensor& lora_a) {
  at::Tensor dinput = at::empty({dy.size(0), linear.in}, dy.options());
  if (linear.frozen) {
    matmul::Plain(dy, *linear.frozen, {lora_a}, dinput);
  } else {
    matmul::Plain(dy, {linear.weight.narrow(1, 0, linear.in), lora_a}, dinput);
  }
  return dinput;
}

// Through DoRA's scale of each output: adds the magnitudes' gradients, and `dout` becomes that of
// what was scaled. `product`: the scaled output.
void RowScaleBackward(const Linear& linear, const at::Tensor& product, at::Tensor dout,
                      const LinearGradient& gradient) {
  for (const LinearGradient::Part& part : gradient.parts) {
    const at::Tensor magnitude = linear.magnitude.narrow(0, part.offset, part.rows);
    at::Tensor sum = (dout.narrow(1, part.offset, part.rows).to(at::kFloat) *
                      product.narrow(1, part.offset, part.rows))
                         .sum(0);
    part.magnitude.add_(at::where(magnitude == 0, magnitude, sum.div_(magnitude)));
  }
  dout.mul_(linear.row_scale);
}

// The gradient of a linear's input x, [rows, in] in the compute type, given that of its output in
// the first columns of `dy`, whose others are filled. `u`: [rows, lora_columns].
at::Tensor LinearBackward(const Linear& linear, const at::Tensor& x, const at::Tensor& u,
                          const LinearTrace& update, at::Tensor dy, double scale,
                          const LinearGradient& gradient) {
  const int64_t extra = linear.lora_columns();
  if (extra == 0) return InputGradient(linear, dy, {});
  const at::Tensor dout = dy.narrow(1, 0, linear.out), du = dy.narrow(1, linear.out, extra);
  const at::Tensor& dropped = update.dropped;
  if (linear.row_scale.defined()) RowScaleBackward(linear, update.product, dout, gradient);
  matmul::Plain(dout, {linear.weight.narrow(1, linear.base_columns(), extra)}, du);
  matmul::Outer(du, dropped.defined() ? dropped : x, 1, false, gradient.a);
  for (const LinearGradient::Part& part : gradient.parts) {
    matmul::Outer(u.narrow(1, part.column, part.b.size(1)), dy.narrow(1, part.offset, part.rows),
                  scale, true, part.b);
  }
  if (!dropped.defined()) return InputGradient(linear, dy, linear.lora_a);
  // Dropped values are exactly zero, and the others were scaled up: the same for the gradient.
  at::Tensor kept = dropped / x;
  return InputGradient(linear, dout, {}) + at::mm(du, linear.lora_a) * kept.nan_to_num_(0, 0, 0);
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
      int64_t columns = 0;
      for (const Linear::Part& part : linear->parts) {
        if (next == adapter.modules.size()) break;
        const AdapterModule& module = adapter.modules[next];
        if (module.layer != static_cast<int64_t>(l) || module.name != part.name) continue;
        if (!first.defined()) first = module.a;
        int64_t row = part.offset;
        for (const auto& [begin, rows] : part.source) {
          at::Tensor magnitude;
          if (module.magnitude.defined()) magnitude = view(module.magnitude).narrow(0, begin, rows);
          gradient->parts.push_back(
              {view(module.b).narrow(0, begin, rows), magnitude, row, rows, columns});
          row += rows;
        }
        columns += module.a.size(0);
        ++next;
      }
      if (!first.defined()) continue;
      // The A's of one linear lie one after the other.
      gradient->a = flat.narrow(0, first.storage_offset() - adapter.flat.storage_offset(),
                                columns * linear->full_in)
                        .view({columns, linear->full_in})
                        .narrow(1, linear->in_begin, linear->in);
    }
  }
  return views;
}

void LayerBackward(const Decoder& decoder, const Layer& layer, const RopeTables& rope,
                   const Pack& pack, LayerTrace& t, double scale, const LayerGradient& gradient,
                   at::Tensor dx) {
  const ModelConfig& config = decoder.config();
  const int64_t depth = config.head_dim, query_width = config.num_heads * depth;
  const int64_t key_width = config.num_kv_heads * depth, rows = dx.size(0);
  auto empty = [&](int64_t width) {
    return at::empty({rows, width}, dx.options().dtype(decoder.compute()));
  };

  at::Tensor x = empty(layer.down.in);
  kernels::SiluMul(t.gate_up, x);
  at::Tensor d = LinearBackward(layer.down, x, t.down_update.low, t.down_update,
                                ToCompute(dx, layer.down), scale, gradient.down);
  at::Tensor dgate_up = OutputGradient(layer.gate_up, rows, dx.device());
  kernels::SiluMulBackward(d, t.gate_up, dgate_up.narrow(1, 0, layer.gate_up.out));
  t.gate_up = at::Tensor();
  x = empty(layer.gate_up.in);
  at::Tensor rstd;
  kernels::RmsNorm(t.middle, layer.post_norm, config.rms_norm_eps, x, &rstd);
  d = LinearBackward(layer.gate_up, x, t.gate_up_update.low, t.gate_up_update, dgate_up, scale,
                     gradient.gate_up);
  if (layer.shard) d = layer.shard->Sum(d);
  kernels::RmsNormBackward(d, t.middle, layer.post_norm, rstd, dx);

  const int64_t low = layer.o.lora_columns();
  x = t.o_in.narrow(1, 0, layer.o.in);
  d = LinearBackward(layer.o, x, t.o_in.narrow(1, layer.o.in, low), t.o_update,
                     ToCompute(dx, layer.o), scale, gradient.o);
  at::Tensor dout = kernels::SliceToFloat(d, 0, query_width);
  at::Tensor out = kernels::SliceToFloat(t.o_in, 0, query_width);
  const Projected p = Rotated(config, layer, rope, t.qkv);
  at::Tensor dq = at::empty_like(p.q), dk = at::zeros_like(p.k), dv = at::zeros_like(p.v);
  AttendBackward(AttentionShape::Of(config), p.q, p.k, p.v, pack.Tasks(p.k, p.v), out,
                 t.attention_lse, dout, dq, dk, dv);
  kernels::Rotate(dq, depth, rope, true);
  kernels::Rotate(dk, depth, rope, true);
  if (config.qk_norm) {
    HeadNormBackward(dq, kernels::SliceToFloat(t.qkv, 0, query_width), layer.q_norm,
                     config.rms_norm_eps);
    HeadNormBackward(dk, kernels::SliceToFloat(t.qkv, query_width, key_width), layer.k_norm,
                     config.rms_norm_eps);
  }
  at::Tensor dqkv = OutputGradient(layer.qkv, rows, dx.device());
  kernels::FloatToSlice(dq, dqkv, 0);
  kernels::FloatToSlice(dk, dqkv, query_width);
  kernels::FloatToSlice(dv, dqkv, query_width + key_width);
  x = empty(layer.qkv.in);
  kernels::RmsNorm(t.input, layer.input_norm, config.rms_norm_eps, x, &rstd);
  d = LinearBackward(layer.qkv, x, t.qkv_update.low, t.qkv_update, dqkv, scale, gradient.qkv);
  if (layer.shard) d = layer.shard->Sum(d);
  kernels::RmsNormBackward(d, t.input, layer.input_norm, rstd, dx);
  t = LayerTrace{};
}

}  // namespace foundry::lm
