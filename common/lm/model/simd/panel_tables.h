// The tables of panel_kernels.h by instruction set. Internal to simd/.
#pragma once

#include "common/lm/model/simd/panel_kernels.h"

namespace foundry::lm::simd {

const PanelKernels<float>& FloatPanels_generic();
const PanelKernels<float>& FloatPanels_avx2();
const PanelKernels<float>& FloatPanels_avx512();
const PanelKernels<bf16>& Bf16Panels_avx512bf16();

}  // namespace foundry::lm::simd
