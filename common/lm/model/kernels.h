// Element-wise steps of a decoder over rows of tensors: fused loops on the CPU, ATen elsewhere.
//
// "Compute type" is float32 or bfloat16; arithmetic is float32. Matrices have unit column stride;
// row strides are free unless said otherwise. Internal to common/lm.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

#include "common/lm/model/rope.h"

namespace foundry::lm::kernels {

// out[i] = x[i] / rms(x[i]) * weight (Zhang and Sennrich, arXiv 1910.07467). x float32 [rows, n];
// `rstd` ([rows] float32, may be null) receives 1 / rms.
void RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps, at::Tensor out,
             at::Tensor* rstd);
// dx += gradient, for dy in the compute type.
void RmsNormBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                     const at::Tensor& rstd, at::Tensor dx);

// out = silu(gate) * up for gate_up [rows, 2n] = [gate, up].
void SiluMul(const at::Tensor& gate_up, at::Tensor out);
void SiluMulBackward(const at::Tensor& dout, const at::Tensor& gate_up, at::Tensor dgate_up);

// x + y as new float32; x float32 contiguous, y in the compute type.
at::Tensor Add(const at::Tensor& x, const at::Tensor& y);

// Columns [begin, begin + width) of x as contiguous float32, and back.
at::Tensor SliceToFloat(const at::Tensor& x, int64_t begin, int64_t width);
void FloatToSlice(const at::Tensor& x, at::Tensor out, int64_t begin);

// Rotates the first rotary columns of each head of x [rows, heads * head_dim] float32 contiguous,
// in place; `inverse` undoes it (and is its transpose: the backward pass).
void Rotate(at::Tensor x, int64_t head_dim, const RopeTables& rope, bool inverse);

}  // namespace foundry::lm::kernels
