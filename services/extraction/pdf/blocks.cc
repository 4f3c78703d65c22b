#include "services/extraction/pdf/blocks.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/lines.h"
#include "common/text/normalize.h"
#include "common/text/sentences.h"
#include "common/text/utf8.h"
#include "services/extraction/pdf/furniture.h"
#include "services/extraction/pdf/headings.h"
#include "services/extraction/pdf/reading_order.h"

namespace foundry::extraction {
namespace {

double SizeOf(const PdfLine& line) { return line.size > 0 ? line.size : line.height(); }

// "Scope . . . . . . . 7": the leader that only tables of contents have.
bool IsContentsLine(const std::string& text) {
  int dots = 0, run = 0;
  size_t last = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      dots = std::max(dots, ++run);
      last = i;
    } else if (text[i] != ' ') {
      run = 0;
    }
  }
  const size_t digit = text.find_first_of("0123456789ivxlc", last);
  return dots >= 5 && (digit != std::string::npos || last + 1 >= text.size());
}

// Four dots and more, with the blanks between them, become one blank.
void WithoutLeader(OrderedLine* line) {
  const std::string& text = line->line.text;
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t end = std::min(text.find_first_not_of(". ", i), text.size());
    const bool leader = std::count(text.begin() + i, text.begin() + end, '.') >= 4;
    out += leader ? " " : text.substr(i, end - i);
    if (end < text.size()) out += text[end];
    i = end + 1;
  }
  line->line.text = out;
  line->contents = true;
}

bool StartsLower(absl::string_view text) {
  size_t at = 0;
  return !text.empty() && text::IsLower(text::DecodeUtf8(text, &at));
}

bool EndsSentence(absl::string_view text) {
  for (const absl::string_view end : {".", "!", "?", ":", ".”", ".\"", ".)", "。", "！", "？"}) {
    if (absl::EndsWith(text, end)) return true;
  }
  return false;
}

class BlockBuilder {
 public:
  BlockBuilder(const text::Vocabulary& vocabulary, double leading)
      : vocabulary_(vocabulary), leading_(leading) {}

  void Add(const OrderedLine& line, int page) {
    if (!Continues(line, page)) Begin(line, page);
    Append(line);
    previous_ = line;
    page_ = page;
    has_previous_ = true;
  }

  std::vector<Block> Take() {
    End();
    return std::move(blocks_);
  }

 private:
  using Kind = Block::Kind;

  static Kind KindOf(const OrderedLine& line) {
    return line.contents     ? Kind::kContents
           : line.row        ? Kind::kTable
           : line.line.fixed ? Kind::kCode
                             : Kind::kParagraph;
  }

  bool Continues(const OrderedLine& next, int page) const {
    if (!has_previous_ || KindOf(next) != block_.kind) return false;
    const PdfLine& a = previous_.line;
    const PdfLine& b = next.line;
    const double size = std::max(4.0, SizeOf(a));
    const bool recognised = a.size <= 0;
    if (std::abs(SizeOf(a) - SizeOf(b)) > (recognised ? 0.5 * size : 0.09 * size)) return false;
    if (block_.kind == Kind::kParagraph && a.bold != b.bold) return false;
    const bool same_column = page == page_ && next.column == previous_.column;
    const double step = b.y1 - a.y1;
    if (!same_column || step < -0.5 * size) return ContinuesElsewhere(next);
    const double usual = leading_ * size;
    if (step > (block_.kind == Kind::kParagraph ? 1.35 : 1.9) * usual + 1) return false;
    if (block_.kind != Kind::kParagraph) return true;
    if (text::StartsWithListMarker(b.text)) return false;
    return !IndentBreaks(next, size) && !ShortLineBreaks(next, size);
  }

  // A paragraph that goes on in the next column or on the next page.
  bool ContinuesElsewhere(const OrderedLine& next) const {
    if (block_.kind != Kind::kParagraph) return false;
    const std::string& so_far = previous_.line.text;
    return !EndsSentence(so_far) && (StartsLower(next.line.text) || absl::EndsWith(so_far, "-")) &&
           !text::StartsWithListMarker(next.line.text);
  }

  bool IndentBreaks(const OrderedLine& next, double size) const {
    const double shift = next.line.x0 - previous_.line.x0;
    if (absl::EndsWith(previous_.line.text, "-")) return false;
    if (shift > 0.7 * size) return block_.lines > 1 || !list_item_;  // an indented first line
    // Back to the margin: after an indented first line that is the same paragraph.
    return shift < -0.7 * size && (block_.lines > 1 || shift < -6 * size) && !list_item_;
  }

  bool ShortLineBreaks(const OrderedLine& next, double size) const {
    const double width = previous_.right - previous_.left;
    const double missing = previous_.right - previous_.line.x1;
    if (StartsLower(next.line.text)) return false;
    return missing > std::max(0.2 * width, 3 * size) && EndsSentence(previous_.line.text);
  }

  void Begin(const OrderedLine& line, int page) {
    End();
    block_ = Block();
    block_.kind = KindOf(line);
    block_.page = page;
    block_.size = SizeOf(line.line);
    block_.bold = line.line.bold;
    left_ = line.line.x0;
    list_item_ = text::StartsWithListMarker(line.line.text);
  }

  void Append(const OrderedLine& line) {
    ++block_.lines;
    if (block_.kind == Kind::kParagraph) {
      text::AppendLine(line.line.text, vocabulary_, &block_.text);
      return;
    }
    if (!block_.text.empty()) block_.text += '\n';
    if (block_.kind == Kind::kCode) {
      const double column = (line.line.x0 - left_) / std::max(1.0, 0.6 * SizeOf(line.line));
      block_.text.append(std::clamp(static_cast<int>(std::lround(column)), 0, 40), ' ');
    }
    block_.text += line.line.text;
  }

  void End() {
    if (block_.lines == 0) return;
    text::NormalizeOptions options;
    options.collapse_spaces = block_.kind != Kind::kCode;
    options.most_blank_lines = 0;
    block_.text = text::Normalize(block_.text, options);
    if (!block_.text.empty()) blocks_.push_back(std::move(block_));
    block_ = Block();
  }

  const text::Vocabulary& vocabulary_;
  const double leading_;  // line distance as a multiple of the font size
  std::vector<Block> blocks_;
  Block block_;
  OrderedLine previous_;
  int page_ = 0;
  double left_ = 0;
  bool list_item_ = false;
  bool has_previous_ = false;
};

double Median(std::vector<double> values, double fallback) {
  if (values.empty()) return fallback;
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

double BodySize(const PdfContent& content) {
  std::map<double, int64_t> characters;
  for (const PdfPage& page : content.pages) {
    for (const PdfLine& line : page.lines) {
      characters[std::round(SizeOf(line) * 2) / 2] += static_cast<int64_t>(line.text.size());
    }
  }
  double best = 10;
  int64_t most = 0;
  for (const auto& [size, count] : characters) {
    if (count > most) best = size, most = count;
  }
  return best;
}

}  // namespace

std::vector<Block> MakeBlocks(PdfContent* content, BlockStats* stats) {
  stats->furniture_lines = RemoveFurniture(&content->pages);
  stats->body_size = BodySize(*content);
  text::Vocabulary vocabulary;
  std::vector<std::vector<OrderedLine>> pages;
  std::vector<double> steps;
  for (const PdfPage& page : content->pages) {
    std::vector<OrderedLine> lines = ReadingOrder(page.lines);
    const auto contents = std::count_if(lines.begin(), lines.end(), [](const OrderedLine& l) {
      return IsContentsLine(l.line.text);
    });
    if (contents >= 4) {
      stats->contents_lines += contents;
      for (OrderedLine& line : lines) {
        // Chapters stand there without a leader: "3 Binary packages 13".
        if (IsContentsLine(line.line.text) || absl::ascii_isdigit(line.line.text.back()))
          WithoutLeader(&line);
      }
    }
    for (size_t i = 0; i < lines.size(); ++i) {
      text::AddToVocabulary(lines[i].line.text, &vocabulary);
      if (i == 0 || lines[i].column != lines[i - 1].column) continue;
      const double step =
          (lines[i].line.y1 - lines[i - 1].line.y1) / std::max(4.0, SizeOf(lines[i].line));
      if (step > 0.8 && step < 2.2) steps.push_back(step);
    }
    pages.push_back(std::move(lines));
  }
  BlockBuilder builder(vocabulary, Median(steps, 1.2));
  for (size_t p = 0; p < pages.size(); ++p) {
    for (const OrderedLine& line : pages[p]) builder.Add(line, content->pages[p].number);
  }
  std::vector<Block> blocks = builder.Take();
  MarkHeadings(content->outline, stats->body_size, &blocks);
  return blocks;
}

}  // namespace foundry::extraction
