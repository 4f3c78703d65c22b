// Backward pass of a decoder with an adapter: gradients of the adapter alone, by hand.
//
// Base weights are frozen, so each linear costs one matmul for the gradient of its input, which
// also yields that of the low-rank activations (see Linear). Internal to common/lm.
#pragma once

#include <vector>

#include <ATen/ATen.h>

#include "common/lm/lora/adapter.h"
#include "common/lm/model/decoder.h"

namespace foundry::lm {

// Where the gradients of one linear's adapter go: views of a vector that lies like Adapter::flat.
struct LinearGradient {
  struct Part {
    at::Tensor b;                  // [rows, rank] float32
    at::Tensor magnitude;          // [rows] float32; undefined without DoRA
    int64_t offset = 0, rows = 0;  // of the linear's output
    int64_t column = 0;            // of u, where the module's begin
  };
  at::Tensor a;  // [lora_columns, in] float32; undefined: no adapter here
  std::vector<Part> parts;
};
struct LayerGradient {
  LinearGradient qkv, o, gate_up, down;
};

// Views of `flat`, which lies like adapter.flat, for every layer. With tensor parallelism they
// cover this rank's share; the ranks' sum is the gradient.
std::vector<LayerGradient> GradientViews(const Adapter& adapter, const Decoder& decoder,
                                         const at::Tensor& flat);

// Gradients of LayerForward: dx [rows, hidden] float32 is that of the output and becomes that of
// the input; the adapter's are added. `scale`: the adapter's. `trace` is used up.
void LayerBackward(const Decoder& decoder, const Layer& layer, const RopeTables& rope,
                   const Pack& pack, LayerTrace& trace, double scale, const LayerGradient& gradient,
                   at::Tensor dx);

}  // namespace foundry::lm
