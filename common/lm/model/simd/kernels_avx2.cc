// Compiled with the flags of its instruction set: see CMakeLists.txt.
#define FOUNDRY_SIMD_NAMESPACE avx2
#include "common/lm/model/simd/block_kernels.inc.h"
#include "common/lm/model/simd/tables.h"
#include "common/lm/model/simd/unpack_kernels.inc.h"

namespace foundry::lm::simd {

const Tables& Tables_avx2() {
  static constexpr Tables tables = {avx2::kRows<float>, avx2::kRows<bf16>, avx2::kBlocks,
                                    avx2::kUnpack};
  return tables;
}

}  // namespace foundry::lm::simd
