#include "common/lm/model/layer.h"

#include <ATen/CPUGeneratorImpl.h>

#include "common/lm/model/kernels.h"
#include "common/lm/model/matmul.h"

namespace foundry::lm {

at::Tensor LinearInput(const Linear& linear, int64_t rows, at::ScalarType compute,
                       at::Device device) {
  return at::empty({rows, linear.in + linear.lora_columns()},
                   at::TensorOptions(compute).device(device));
}

at::Tensor LinearForward(const Linear& linear, at::Tensor input, double dropout, uint64_t seed,
                         LinearTrace* trace) {
  if (int64_t extra = linear.lora_columns(); extra > 0) {
    at::Tensor x = input.narrow(1, 0, linear.in);
    if (dropout > 0 && trace != nullptr) {
      at::Generator generator = at::detail::createCPUGenerator(seed);
      at::Tensor kept = at::empty(x.sizes(), at::kFloat).bernoulli_(1 - dropout, generator);
      x = x * kept.div_(1 - dropout).to(x.options());
      trace->dropped = x;
    }
    matmul::Transposed(x, linear.lora_a, input.narrow(1, linear.in, extra));
  }
  at::Tensor y = at::empty({input.size(0), linear.out}, input.options());
  if (linear.frozen) {
    matmul::Transposed(input, *linear.frozen, linear.weight, y);
  } else {
    matmul::Transposed(input, linear.weight, y);
  }
  if (linear.row_scale.defined()) {
    y.mul_(linear.row_scale);
    if (trace != nullptr) trace->product = linear.bias.defined() ? y.clone() : y;
  }
  if (linear.bias.defined()) y.add_(linear.bias);
  return y;
}

Projected Rotated(const ModelConfig& config, const Layer& layer, const RopeTables& rope,
                  const at::Tensor& qkv) {
  const int64_t depth = config.head_dim;
  const int64_t query_width = config.num_heads * depth, key_width = config.num_kv_heads * depth;
  Projected p = {kernels::SliceToFloat(qkv, 0, query_width),
                 kernels::SliceToFloat(qkv, query_width, key_width),
                 kernels::SliceToFloat(qkv, query_width + key_width, key_width)};
  if (config.qk_norm) {
    at::Tensor heads = p.q.view({-1, depth}), key_heads = p.k.view({-1, depth});
    kernels::RmsNorm(heads, layer.q_norm, config.rms_norm_eps, heads, nullptr);
    kernels::RmsNorm(key_heads, layer.k_norm, config.rms_norm_eps, key_heads, nullptr);
  }
  kernels::Rotate(p.q, depth, rope, false);
  kernels::Rotate(p.k, depth, rope, false);
  return p;
}

namespace {

// u of an input, kept by itself.
at::Tensor Low(const Linear& linear, const at::Tensor& input) {
  const int64_t extra = linear.lora_columns();
  return extra > 0 ? input.narrow(1, linear.in, extra).contiguous() : at::Tensor();
}

}  // namespace

at::Tensor LayerForward(const ModelConfig& config, const Layer& layer, const RopeTables& rope,
                        const at::Tensor& x, const AttentionFn& attend, LayerTrace* trace) {
  const at::ScalarType compute = layer.qkv.compute();
  const int64_t rows = x.size(0);
  LayerTrace unused;
  LayerTrace& t = trace ? *trace : unused;
  auto forward = [&](const Linear& linear, const at::Tensor& input, uint64_t index,
                     LinearTrace& update) {
    return LinearForward(linear, input, t.dropout, t.dropout_seed + index,
                         trace ? &update : nullptr);
  };
  // Of a linear whose inputs are split over ranks: their sum, with dropout of each rank's own.
  auto forward_split = [&](const Linear& linear, const at::Tensor& input, uint64_t index,
                           LinearTrace& update) {
    if (!layer.shard) return forward(linear, input, index, update);
    index += static_cast<uint64_t>(layer.shard->index) << 40;
    return layer.shard->Sum(forward(linear, input, index, update));
  };

  at::Tensor in = LinearInput(layer.qkv, rows, compute, x.device());
  kernels::RmsNorm(x, layer.input_norm, config.rms_norm_eps, in.narrow(1, 0, layer.qkv.in),
                   nullptr);
  at::Tensor qkv = forward(layer.qkv, in, 0, t.qkv_update);
  if (trace) {
    t.input = x;
    t.qkv = qkv;
    t.qkv_update.low = Low(layer.qkv, in);
  }
  const Projected p = Rotated(config, layer, rope, qkv);

  in = LinearInput(layer.o, rows, compute, x.device());
  attend(p.q, p.k, p.v, in.narrow(1, 0, layer.o.in), trace ? &t.attention_lse : nullptr);
  at::Tensor middle = kernels::Add(x, forward_split(layer.o, in, 1, t.o_update));
  if (trace) {
    t.o_in = in;
    t.middle = middle;
  }

  in = LinearInput(layer.gate_up, rows, compute, x.device());
  kernels::RmsNorm(middle, layer.post_norm, config.rms_norm_eps, in.narrow(1, 0, layer.gate_up.in),
                   nullptr);
  at::Tensor gate_up = forward(layer.gate_up, in, 2, t.gate_up_update);
  if (trace) {
    t.gate_up = gate_up;
    t.gate_up_update.low = Low(layer.gate_up, in);
  }
  in = LinearInput(layer.down, rows, compute, x.device());
  kernels::SiluMul(gate_up, in.narrow(1, 0, layer.down.in));
  at::Tensor out = kernels::Add(middle, forward_split(layer.down, in, 3, t.down_update));
  if (trace) t.down_update.low = Low(layer.down, in);
  return out;
}

}  // namespace foundry::lm
