#include "common/lm/model/simd/tables.h"

namespace foundry::lm::simd {
namespace {

const Tables& Best() {
#if defined(FOUNDRY_SIMD_X86)
  static const Tables& best = [&]() -> const Tables& {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
      return Tables_avx512();
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Tables_avx2();
    return Tables_generic();
  }();
  return best;
#else
  return Tables_generic();
#endif
}

}  // namespace

template <>
const RowKernels<float>& Rows<float>() {
  return Best().float_rows;
}
template <>
const RowKernels<bf16>& Rows<bf16>() {
  return Best().bf16_rows;
}
const BlockKernels& Blocks() { return Best().blocks; }

}  // namespace foundry::lm::simd
