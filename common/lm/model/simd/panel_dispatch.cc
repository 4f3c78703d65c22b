#include "common/lm/model/simd/panel_tables.h"

namespace foundry::lm::simd {
namespace {

#if defined(FOUNDRY_SIMD_X86)
bool HasAvx512() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

}  // namespace

template <>
const PanelKernels<float>* Panels<float>() {
#if defined(FOUNDRY_SIMD_X86)
  static const PanelKernels<float>& best =
      HasAvx512()                                                       ? FloatPanels_avx512()
      : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? FloatPanels_avx2()
                                                                        : FloatPanels_generic();
  return &best;
#else
  return &FloatPanels_generic();
#endif
}

template <>
const PanelKernels<bf16>* Panels<bf16>() {
#if defined(FOUNDRY_SIMD_X86)
  static const PanelKernels<bf16>* best =
      HasAvx512() && __builtin_cpu_supports("avx512bf16") ? &Bf16Panels_avx512bf16() : nullptr;
  return best;
#else
  return nullptr;
#endif
}

}  // namespace foundry::lm::simd
