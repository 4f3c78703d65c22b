#include "common/lm/model/simd/panel_kernels.h"
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
const UnpackKernels& Unpack() { return Best().unpack; }

const PackKernels* Packing() {
#if defined(FOUNDRY_SIMD_X86)
  static const PackKernels* const kernels = []() -> const PackKernels* {
    __builtin_cpu_init();
    const bool usable = Panels<bf16>() != nullptr && !__builtin_cpu_supports("amx-bf16");
    return usable ? &Packing_avx512bf16() : nullptr;
  }();
  return kernels;
#else
  return nullptr;
#endif
}

}  // namespace foundry::lm::simd
