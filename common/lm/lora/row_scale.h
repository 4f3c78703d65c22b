// The rows' norms and scales of DoRA (Liu et al., arXiv 2402.09353). Internal to common/lm.
// Thread-safe but for the linear that is changed.
#pragma once

#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/lora/adapter.h"

namespace foundry::lm {

// An adapter's modules on one fused linear, each with its place there.
using Placed = std::vector<std::pair<const AdapterModule*, const Linear::Part*>>;

// Squared norms of the base's rows as the decoder holds them, [out] float32. With tensor
// parallelism over the inputs that are here: the ranks' sum is the whole row's.
at::Tensor RowSquares(const Linear& linear);

// The same of the updated rows, those that the adapter leaves alone unchanged. The linear holds the
// modules' A and `scale` · B already.
at::Tensor UpdatedRowSquares(const Placed& placed, double scale, const Linear& linear);

// Sets magnitude and row_scale, given the squared norms of whole updated rows.
void SetRowScale(const Placed& placed, const at::Tensor& squares, Linear& linear);

}  // namespace foundry::lm
