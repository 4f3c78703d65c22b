// Which weights a model has. Thread-safe (no state).
#pragma once

#include <string>

#include "common/lm/model/decoder.h"

namespace foundry::lm {

// SHA-256 of what is computed with: shapes and types, small tensors whole, of large ones sixteen
// pages, of those held in fewer bits about sixteen rows. Training and merging move every row of a
// weight, so that no other model has the same pages. Throws what libtorch throws.
std::string WeightsHash(const Decoder& decoder);

}  // namespace foundry::lm
