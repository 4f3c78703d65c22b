// How fast this machine multiplies matrices: the bound of every training run on it.
#pragma once

namespace foundry::lm {

// FLOP/s of a product of the sizes that training uses, in the faster of float32 and bfloat16.
// Takes about half a second. Thread-safe.
double MeasureMatmulRate();

}  // namespace foundry::lm
