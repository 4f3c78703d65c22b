// Paragraphs, headings, lists, code and tables of a PDF from its lines: by gaps, indents, font
// sizes and weights, over column and page breaks. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "services/extraction/pdf/pdf_content.h"

namespace foundry::extraction {

struct Block {
  enum class Kind { kParagraph, kHeading, kCode, kTable, kContents };
  Kind kind = Kind::kParagraph;
  std::string text;  // normalised; lines of code and rows of tables end with LF
  int level = 0;     // of a heading, from 1
  int page = 0;      // where it begins, from 1
  double size = 0;   // font size, points; 0: not known
  bool bold = false;
  int lines = 0;
};

struct BlockStats {
  double body_size = 0;  // the font size of most of the text
  int64_t furniture_lines = 0;
  int64_t contents_lines = 0;  // lines of tables of contents ("Scope . . . . 7")
};

// Takes the page furniture out of content->pages first.
std::vector<Block> MakeBlocks(PdfContent* content, BlockStats* stats);

}  // namespace foundry::extraction
