// Compiled with the flags of its instruction set: see CMakeLists.txt.
#define FOUNDRY_SIMD_NAMESPACE generic
#include "common/lm/model/simd/block_kernels.inc.h"
#include "common/lm/model/simd/tables.h"
#include "common/lm/model/simd/unpack_kernels.inc.h"

namespace foundry::lm::simd {

const Tables& Tables_generic() {
  static constexpr Tables tables = {generic::kRows<float>, generic::kRows<bf16>, generic::kBlocks,
                                    generic::kUnpack};
  return tables;
}

}  // namespace foundry::lm::simd
