#include "services/extraction/pdf/pdf_document.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/language.h"
#include "common/text/normalize.h"
#include "common/text/structure.h"
#include "services/extraction/pdf/blocks.h"

namespace foundry::extraction {
namespace {

using dataset::Document;

// Titles that programs write by themselves.
bool IsRealTitle(const std::string& title) {
  const std::string lower = absl::AsciiStrToLower(title);
  for (const absl::string_view bad :
       {"untitled", "microsoft word", "document", "powerpoint", "slide 1", "unknown"}) {
    if (absl::StartsWith(lower, bad)) return false;
  }
  for (const absl::string_view ending :
       {".doc", ".docx", ".dvi", ".tex", ".pdf", ".odt", ".indd", ".qxd", ".ps"}) {
    if (absl::EndsWith(lower, ending)) return false;
  }
  return title.size() >= 3 && title.size() <= 300;
}

// The largest type on the first pages with text.
std::string TitleFromBlocks(const std::vector<Block>& blocks, double body) {
  const Block* best = nullptr;
  for (const Block& block : blocks) {
    if (block.page > 2) break;
    if (block.size < 1.3 * body || block.text.size() > 200 || block.text.size() < 3) continue;
    if (best == nullptr || block.size > best->size * 1.05) best = &block;
  }
  return best == nullptr ? "" : text::OneLine(best->text);
}

void SetIf(const char* key, const std::string& value, Json* metadata) {
  const std::string clean = text::OneLine(value);
  if (!clean.empty()) (*metadata)[key] = clean;
}

}  // namespace

PdfDocument MakePdfDocument(PdfContent content, const std::string& file_stem) {
  PdfDocument out;
  out.pages = static_cast<int64_t>(content.pages.size());
  Json page_states = Json::array();
  for (const PdfPage& page : content.pages) {
    out.recognised_pages += page.ocr;
    if (!page.scanned()) continue;
    ++out.scanned_pages;
    page_states.push_back(page.number);
  }
  BlockStats stats;
  const std::vector<Block> blocks = MakeBlocks(&content, &stats);
  Document& document = out.document;
  std::vector<text::Heading> headings;
  std::vector<dataset::Span> contents;
  Json page_starts = Json::array();  // [page, byte in text]
  int page = 0;
  for (const Block& block : blocks) {
    if (!document.text.empty()) document.text += "\n\n";
    const auto begin = static_cast<int64_t>(document.text.size());
    if (block.page != page) page_starts.push_back({page = block.page, begin});
    document.text += block.text;
    const auto end = static_cast<int64_t>(document.text.size());
    if (block.kind == Block::Kind::kContents) contents.push_back({begin, end});
    if (block.kind == Block::Kind::kHeading) headings.push_back({{begin, end}, block.level});
  }
  text::FillStructure(headings, &document, contents);
  document.title = text::OneLine(content.title);
  if (!IsRealTitle(document.title)) document.title = TitleFromBlocks(blocks, stats.body_size);
  if (document.title.empty()) document.title = file_stem;
  Json& metadata = document.metadata;
  metadata = {
      {"kind", "pdf"}, {"pages", content.page_count}, {"page_starts", std::move(page_starts)}};
  if (out.pages < content.page_count) metadata["pages_read"] = out.pages;
  SetIf("author", content.author, &metadata);
  SetIf("subject", content.subject, &metadata);
  SetIf("pdf_keywords", content.keywords, &metadata);
  SetIf("producer", content.producer, &metadata);
  SetIf("created", content.created, &metadata);
  SetIf("modified", content.modified, &metadata);
  metadata["language"] = text::GuessLanguage(document.text).code;
  if (out.scanned_pages > 0) metadata["scanned_pages"] = std::move(page_states);
  if (out.recognised_pages > 0) metadata["recognised_pages"] = out.recognised_pages;
  if (stats.furniture_lines > 0) metadata["furniture_lines_left_out"] = stats.furniture_lines;
  return out;
}

}  // namespace foundry::extraction
