// Compiled with the flags of its instruction set: see CMakeLists.txt.
#define FOUNDRY_SIMD_NAMESPACE panel_avx512
#include "common/lm/model/simd/panel_kernels.inc.h"
#include "common/lm/model/simd/panel_tables.h"

namespace foundry::lm::simd {

const PanelKernels<float>& FloatPanels_avx512() { return panel_avx512::kPanels<float>; }

}  // namespace foundry::lm::simd
