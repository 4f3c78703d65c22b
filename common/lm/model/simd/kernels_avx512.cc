// Compiled with the flags of its instruction set: see CMakeLists.txt.
#define FOUNDRY_SIMD_NAMESPACE avx512
#include "common/lm/model/simd/block_kernels.inc.h"
#include "common/lm/model/simd/tables.h"
#include "common/lm/model/simd/unpack_kernels.inc.h"

namespace foundry::lm::simd {

const Tables& Tables_avx512() {
  static constexpr Tables tables = {avx512::kRows<float>, avx512::kRows<bf16>, avx512::kBlocks,
                                    avx512::kUnpack};
  return tables;
}

}  // namespace foundry::lm::simd
