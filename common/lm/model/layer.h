// One transformer block as tensors, and its forward pass. Internal to common/lm.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/model/frozen_matrix.h"
#include "common/lm/model/model_config.h"
#include "common/lm/model/rope.h"
#include "common/lm/model/tensor_shard.h"

namespace foundry::lm {

// One or several linears of the checkpoint that read the same input, fused by rows, together with
// the low-rank update of an adapter (LoRA, arXiv 2106.09685). With x [rows, in] and u = x·Aᵀ:
//   y = [x, u] · [W, s·B]ᵀ
// so the update costs a slightly wider matmul instead of passes over y. With DoRA (arXiv
// 2402.09353) each output is then multiplied by magnitude / norm of its row of W + s·B·A, before
// the bias.
struct Linear {
  // Rows of a module of the checkpoint.
  struct Range {
    int64_t begin = 0, rows = 0;
  };
  struct Part {
    std::string name;  // q_proj
    int64_t offset = 0, rows = 0;
    int64_t full_rows = 0;  // of the module
    std::vector<Range>
        source;  // which of them these are, in order; with tensor parallelism not all
  };
  std::vector<Part> parts;
  int64_t in = 0, out = 0;
  int64_t in_begin = 0, full_in = 0;  // inputs of the modules, and the first of those that are here
  // [out, base_columns() + lora_columns()], compute type; base weights in the first columns, unless
  // they are held in fewer bits.
  at::Tensor weight;
  std::shared_ptr<const FrozenMatrix> frozen;  // base weights [out, in]; null: they are in weight
  at::Tensor lora_a;  // [lora_columns(), in], compute type; undefined without an adapter
  at::Tensor bias;    // [out], compute type; may be undefined
  // With DoRA, [out] float32 each; undefined without. Of rows that the adapter leaves alone both
  // magnitude and row_scale are 1.
  at::Tensor row_squares;  // squared norms of the base's rows
  at::Tensor magnitude;
  at::Tensor row_scale;  // magnitude / norm; another tensor after every update

  int64_t lora_columns() const { return lora_a.defined() ? lora_a.size(0) : 0; }
  int64_t base_columns() const { return frozen ? 0 : in; }  // of weight
  at::ScalarType compute() const { return weight.scalar_type(); }
};

struct Layer {
  at::Tensor input_norm, post_norm;  // [hidden] float32
  at::Tensor q_norm, k_norm;         // [head_dim] float32; undefined without qk_norm
  Linear qkv, o, gate_up, down;
  std::shared_ptr<const TensorShard> shard;  // null: the layer is whole
};

// What a linear's adapter leaves for the backward pass; undefined where it has none. [rows, …]
// each, compute type.
struct LinearTrace {
  at::Tensor low;      // u of the adapter (see Linear)
  at::Tensor dropped;  // the A's input, where dropout changed it
  at::Tensor product;  // with DoRA: the output without the bias
};

// What the backward pass needs of a block's forward pass and cannot cheaply compute again.
// [rows, …] each.
struct LayerTrace {
  at::Tensor input, middle;  // residual stream before attention and before the MLP, float32
  at::Tensor qkv;            // before qk-norm and rope, compute type
  at::Tensor attention_lse;  // [rows, heads] float32
  at::Tensor o_in;           // [rows, in + lora_columns], compute type
  at::Tensor gate_up;        // compute type
  LinearTrace qkv_update, o_update, gate_up_update, down_update;  // o's u lies in o_in
  // Dropout of the adapter's inputs: probability, and a seed that differs per layer and step.
  double dropout = 0;
  uint64_t dropout_seed = 0;
};

// Queries, keys and values [rows, heads * head_dim] float32, after qk-norm and rope, of a fused
// projection's output.
struct Projected {
  at::Tensor q, k, v;
};
Projected Rotated(const ModelConfig& config, const Layer& layer, const RopeTables& rope,
                  const at::Tensor& qkv);

// Attention of q [rows, heads * head_dim] over keys and values [rows, kv_heads * head_dim], all
// float32. The result is written to `out` [rows, heads * head_dim] (compute type, row stride free);
// `lse` ([rows, heads], log of the softmax's denominator) is filled when not null.
using AttentionFn = std::function<void(const at::Tensor& q, const at::Tensor& k,
                                       const at::Tensor& v, at::Tensor out, at::Tensor* lse)>;

// The block's output for x [rows, hidden] float32. `trace` may be null.
at::Tensor LayerForward(const ModelConfig& config, const Layer& layer, const RopeTables& rope,
                        const at::Tensor& x, const AttentionFn& attend, LayerTrace* trace);

// Makes room for u beside x: [rows, linear.in + lora_columns].
at::Tensor LinearInput(const Linear& linear, int64_t rows, at::ScalarType compute,
                       at::Device device);
// y [rows, out] of an input whose first linear.in columns are filled; fills the others. `dropout`:
// of what the adapter sees, with a trace. `trace` (may be null) receives all but `low`.
at::Tensor LinearForward(const Linear& linear, at::Tensor input, double dropout, uint64_t seed,
                         LinearTrace* trace);

}  // namespace foundry::lm
