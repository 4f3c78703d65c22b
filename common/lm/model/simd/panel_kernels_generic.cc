// Compiled with the flags of its instruction set: see CMakeLists.txt.
#define FOUNDRY_SIMD_NAMESPACE panel_generic
#include "common/lm/model/simd/panel_kernels.inc.h"
#include "common/lm/model/simd/panel_tables.h"

namespace foundry::lm::simd {

const PanelKernels<float>& FloatPanels_generic() { return panel_generic::kPanels<float>; }

}  // namespace foundry::lm::simd
