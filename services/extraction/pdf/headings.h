// Which blocks of a PDF are headings, and of what level. Thread-safe (no state).
#pragma once

#include <vector>

#include "services/extraction/pdf/blocks.h"

namespace foundry::extraction {

// Short blocks in larger or bolder type than the body, or named by the outline, become headings;
// "CHAPTER" + "ONE" + its title become one. Levels: the outline's, else by numbering, else by size.
void MarkHeadings(const std::vector<PdfOutlineItem>& outline, double body_size,
                  std::vector<Block>* blocks);

}  // namespace foundry::extraction
