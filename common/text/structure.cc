#include "common/text/structure.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/normalize.h"
#include "common/text/sentences.h"
#include "common/text/utf8.h"

namespace foundry::text {
namespace {

using dataset::Section;

constexpr size_t kLongestHeading = 120;  // bytes

// Blocks of text between empty lines.
std::vector<Span> Blocks(absl::string_view text) {
  std::vector<Span> blocks;
  size_t begin = 0;
  while (begin < text.size()) {
    while (begin < text.size() && text[begin] == '\n') ++begin;
    size_t end = text.find("\n\n", begin);
    if (end == absl::string_view::npos) end = text.size();
    size_t last = end;
    while (last > begin && text[last - 1] == '\n') --last;
    if (last > begin) blocks.push_back({static_cast<int64_t>(begin), static_cast<int64_t>(last)});
    begin = end;
  }
  return blocks;
}

int MarkdownLevel(absl::string_view line) {
  size_t level = 0;
  while (level < line.size() && line[level] == '#') ++level;
  return level >= 1 && level <= 6 && level < line.size() && line[level] == ' '
             ? static_cast<int>(level)
             : 0;
}

// "Title\n=====": level by the character, 0 when it is none.
int UnderlineLevel(absl::string_view block) {
  const size_t newline = block.find('\n');
  if (newline == absl::string_view::npos || newline > kLongestHeading) return 0;
  const absl::string_view rule = block.substr(newline + 1);
  if (rule.size() < 3 || rule.find('\n') != absl::string_view::npos) return 0;
  for (const char c : rule) {
    if (c != rule[0]) return 0;
  }
  return rule[0] == '=' || rule[0] == '*'                     ? 1
         : rule[0] == '-' || rule[0] == '~' || rule[0] == '^' ? 2
                                                              : 0;
}

bool EndsLikeProse(absl::string_view line) {
  return !line.empty() && absl::string_view(".,;:!").find(line.back()) != absl::string_view::npos;
}

// "3", "3.1", "A.2", "Chapter 3": depth of the number, 0 when there is none.
int NumberDepth(absl::string_view line) {
  for (const absl::string_view word : {"Chapter ", "Appendix ", "Part ", "Kapitel ", "Anhang "}) {
    if (absl::StartsWith(line, word)) return 1;
  }
  size_t at = 0;
  int depth = 0;
  while (at < line.size()) {
    const size_t start = at;
    if (depth == 0 && absl::ascii_isupper(line[at]) && at + 1 < line.size() && line[at + 1] == '.')
      ++at;
    while (at < line.size() && absl::ascii_isdigit(line[at])) ++at;
    if (at == start || at - start > 2) break;
    ++depth;
    if (at < line.size() && line[at] == '.') ++at;
  }
  const bool title = at < line.size() && line[at] == ' ' && at + 1 < line.size() &&
                     !absl::ascii_islower(line[at + 1]) && !absl::ascii_isdigit(line[at + 1]);
  return depth > 0 && title ? depth : 0;
}

bool IsCapitals(absl::string_view line) {
  int64_t upper = 0, lower = 0;
  for (size_t at = 0; at < line.size();) {
    const char32_t c = DecodeUtf8(line, &at);
    upper += IsUpper(c);
    lower += IsLower(c);
  }
  return upper >= 4 && lower == 0;
}

int HeadingLevel(absl::string_view block) {
  if (const int level = UnderlineLevel(block)) return level;
  if (block.find('\n') != absl::string_view::npos || block.size() > kLongestHeading) return 0;
  if (const int level = MarkdownLevel(block)) return level;
  if (EndsLikeProse(block)) return 0;
  if (const int depth = NumberDepth(block)) return depth;
  return IsCapitals(block) ? 1 : 0;
}

// What a reader sees of a heading: without Markdown's marks and rules.
std::string HeadingText(absl::string_view block) {
  if (UnderlineLevel(block)) block = block.substr(0, block.find('\n'));
  if (const int level = MarkdownLevel(block)) block.remove_prefix(level);
  return OneLine(block);
}

}  // namespace

std::vector<Heading> DetectHeadings(absl::string_view text) {
  std::vector<Heading> out;
  for (const Span& block : Blocks(text)) {
    const absl::string_view all = Slice(text, block);
    const absl::string_view first = all.substr(0, all.find('\n'));
    if (const int level = HeadingLevel(all)) {
      out.push_back({block, level});
    } else if (const int markdown = MarkdownLevel(first)) {
      out.push_back({{block.begin, block.begin + static_cast<int64_t>(first.size())}, markdown});
    }
  }
  return out;
}

Structure AnalyzeStructure(absl::string_view text, const std::vector<Heading>& headings,
                           const std::vector<Span>& left_out) {
  Structure out;
  const int64_t size = static_cast<int64_t>(text.size());
  if (headings.empty() || headings.front().span.begin > 0) {
    out.sections.push_back({"", 0, {0, headings.empty() ? size : headings.front().span.begin}});
  }
  for (size_t i = 0; i < headings.size(); ++i) {
    const int64_t end = i + 1 < headings.size() ? headings[i + 1].span.begin : size;
    out.sections.push_back({HeadingText(Slice(text, headings[i].span)),
                            headings[i].level,
                            {headings[i].span.begin, end}});
  }
  // Bodies between headings, then blocks inside them, then sentences inside those.
  int64_t from = 0;
  const auto add_body = [&](int64_t begin, int64_t end) {
    const absl::string_view body = text.substr(begin, end - begin);
    for (const Span& block : Blocks(body)) {
      const Span paragraph{begin + block.begin, begin + block.end};
      out.paragraphs.push_back(paragraph);
      for (const Span& sentence : SplitSentences(Slice(text, paragraph))) {
        out.sentences.push_back({paragraph.begin + sentence.begin, paragraph.begin + sentence.end});
      }
    }
  };
  std::vector<Span> cuts = left_out;
  for (const Heading& heading : headings) cuts.push_back(heading.span);
  std::sort(cuts.begin(), cuts.end(),
            [](const Span& a, const Span& b) { return a.begin < b.begin; });
  for (const Span& cut : cuts) {
    add_body(from, cut.begin);
    from = cut.end;
  }
  add_body(from, size);
  return out;
}

void FillStructure(const std::vector<Heading>& headings, dataset::Document* document,
                   const std::vector<Span>& left_out) {
  Structure structure = AnalyzeStructure(document->text, headings, left_out);
  document->content.clear();
  for (const Span& paragraph : structure.paragraphs) {
    absl::StrAppend(&document->content, document->content.empty() ? "" : "\n\n",
                    Slice(document->text, paragraph));
  }
  document->sections = std::move(structure.sections);
  document->paragraphs = std::move(structure.paragraphs);
  document->sentences = std::move(structure.sentences);
}

}  // namespace foundry::text
