// One table of kernels for each instruction set. Internal to this folder.
#pragma once

#include "common/lm/model/simd/pack_kernels.h"

namespace foundry::lm::simd {

struct Tables {
  RowKernels<float> float_rows;
  RowKernels<bf16> bf16_rows;
  BlockKernels blocks;
  UnpackKernels unpack;
};

const Tables& Tables_generic();
const Tables& Tables_avx2();
const Tables& Tables_avx512();
const PackKernels& Packing_avx512bf16();

}  // namespace foundry::lm::simd
