// One table of kernels for each instruction set. Internal to this folder.
#pragma once

#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm::simd {

struct Tables {
  RowKernels<float> float_rows;
  RowKernels<bf16> bf16_rows;
  BlockKernels blocks;
};

const Tables& Tables_generic();
const Tables& Tables_avx2();
const Tables& Tables_avx512();

}  // namespace foundry::lm::simd
