// Compiled with the flags of its instruction set: see CMakeLists.txt.
#define FOUNDRY_SIMD_NAMESPACE panel_avx512bf16
#include "common/lm/model/simd/panel_kernels.inc.h"
#include "common/lm/model/simd/panel_tables.h"

namespace foundry::lm::simd {

const PanelKernels<bf16>& Bf16Panels_avx512bf16() { return panel_avx512bf16::kPanels<bf16>; }

}  // namespace foundry::lm::simd
