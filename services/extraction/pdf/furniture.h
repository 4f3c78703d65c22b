// Page furniture: running heads, feet and page numbers. Thread-safe (no state).
#pragma once

#include <vector>

#include "services/extraction/pdf/pdf_content.h"

namespace foundry::extraction {

// Removes lines in the top and bottom margins that repeat over pages (digits apart) or count them.
// Returns how many lines went.
int64_t RemoveFurniture(std::vector<PdfPage>* pages);

}  // namespace foundry::extraction
