// Products of the matrices that training multiplies, with float32 sums: kernels of our own for
// bfloat16 on processors that have the instruction (simd/pack_kernels.h), ATen elsewhere.
//
// Matrices have unit column stride; row strides are free. With the kernels a product does not
// depend on the number of threads. Internal to common/lm. Thread-safe (no state).
#pragma once

#include <initializer_list>

#include <ATen/ATen.h>

#include "common/lm/model/frozen_matrix.h"

namespace foundry::lm::matmul {

// y = x · Wᵀ. x [m, k] and W [n, k] in the compute type; y [m, n] in the compute type or float32.
void Transposed(const at::Tensor& x, const at::Tensor& w, at::Tensor y);
// The same for W = [base, w] by columns, where `base` is held in fewer bits.
void Transposed(const at::Tensor& x, const FrozenMatrix& base, const at::Tensor& w, at::Tensor y);

// y = x · [parts…], the parts [k_i, n] one below the other, x [m, Σ k_i]. `accumulate`: y += …, y
// float32; otherwise y is of the compute type or float32.
void Plain(const at::Tensor& x, std::initializer_list<at::Tensor> parts, at::Tensor y,
           bool accumulate = false);
// The same with `base` as the first part.
void Plain(const at::Tensor& x, const FrozenMatrix& base, std::initializer_list<at::Tensor> parts,
           at::Tensor y);

// out += scale · xᵀ · y. x [m, k], y [m, n]; out [k, n] float32, or with `flip` its transpose
// [n, k].
void Outer(const at::Tensor& x, const at::Tensor& y, double scale, bool flip, at::Tensor out);

}  // namespace foundry::lm::matmul
