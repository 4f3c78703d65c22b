#include "services/teacher/contexts.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/text/stopwords.h"
#include "common/text/words.h"

namespace foundry::teacher {
namespace {

using dataset::Document;
using dataset::Span;

constexpr size_t kMostRelated = 2;
constexpr size_t kLongestRelated = 600;  // bytes
constexpr size_t kShortestContext = 40;  // bytes

// Cuts at a sentence's end where one lies in the last third.
size_t CutPoint(const Document& document, int64_t begin, int64_t limit) {
  int64_t cut = begin;
  for (const Span& sentence : document.sentences) {
    if (sentence.begin >= begin && sentence.end <= limit) cut = std::max(cut, sentence.end);
  }
  if (cut - begin > (limit - begin) / 3) return cut;
  while (limit > begin && (document.text[limit] & 0xC0) == 0x80) --limit;
  return limit;
}

std::string HeadingAt(const Document& document, int64_t at) {
  std::string heading;
  for (const dataset::Section& section : document.sections) {
    if (section.span.begin <= at) heading = section.heading;
  }
  return heading;
}

std::set<std::string> TellingWords(absl::string_view text) {
  std::set<std::string> words;
  for (const std::string& word : text::FoldedWords(text)) {
    if (word.size() > 3 && !text::IsStopword(word, "en")) words.insert(word);
  }
  return words;
}

void AddRelated(const Document& document, std::vector<Context>& contexts) {
  std::vector<std::set<std::string>> words;
  std::map<std::string, int> spread;
  for (const Span& paragraph : document.paragraphs) {
    words.push_back(TellingWords(text::Slice(document.text, paragraph)));
    for (const std::string& word : words.back()) ++spread[word];
  }
  for (Context& context : contexts) {
    const std::set<std::string> own = TellingWords(context.text);
    std::vector<std::pair<double, size_t>> scored;
    for (size_t p = 0; p < document.paragraphs.size(); ++p) {
      const Span& span = document.paragraphs[p];
      if (span.begin < context.span.end && span.end > context.span.begin) continue;
      double score = 0;
      for (const std::string& word : words[p]) {
        // A word that every paragraph holds relates nothing.
        if (own.count(word) > 0) score += 1.0 / spread[word];
      }
      if (score > 0.3) scored.emplace_back(-score, p);
    }
    std::sort(scored.begin(), scored.end());
    for (size_t i = 0; i < scored.size() && i < kMostRelated; ++i) {
      const Span& span = document.paragraphs[scored[i].second];
      const std::string heading = HeadingAt(document, span.begin);
      const int64_t end = std::min<int64_t>(span.end, span.begin + kLongestRelated);
      const size_t cut = end == span.end ? end : CutPoint(document, span.begin, end);
      std::string text = document.text.substr(span.begin, cut - span.begin);
      std::string name = heading;
      if (name.empty()) {
        // Without headings a passage goes by its first words.
        const std::vector<Span> firsts = text::WordSpans(text);
        name = text.substr(0, firsts.size() > 6 ? firsts[5].end : text.size());
      }
      context.related.push_back(std::move(name));
      context.related_text.push_back(std::move(text));
    }
  }
}

}  // namespace

std::vector<Context> ContextsOf(const Document& document, const std::string& level,
                                size_t window_bytes) {
  std::vector<Span> spans;
  if (level == "document") spans.push_back({0, static_cast<int64_t>(document.text.size())});
  if (level == "section") {
    for (const dataset::Section& section : document.sections) spans.push_back(section.span);
  }
  if (level == "paragraph") spans = document.paragraphs;
  if (level == "sentence") spans = document.sentences;
  std::vector<Context> contexts;
  const int64_t size = static_cast<int64_t>(document.text.size());
  for (Span span : spans) {
    span.begin = std::clamp<int64_t>(span.begin, 0, size);
    span.end = std::clamp<int64_t>(span.end, span.begin, size);
    while (span.end - span.begin >= static_cast<int64_t>(kShortestContext)) {
      Context context;
      context.level = level;
      const int64_t limit = span.begin + static_cast<int64_t>(window_bytes);
      const int64_t end = span.end <= limit
                              ? span.end
                              : static_cast<int64_t>(CutPoint(document, span.begin, limit));
      context.span = {span.begin, end};
      context.text = document.text.substr(span.begin, end - span.begin);
      context.heading = HeadingAt(document, span.begin);
      contexts.push_back(std::move(context));
      if (end <= span.begin) break;
      span.begin = end;
      if (level != "document") break;  // the rest of a long section is reached by its paragraphs
    }
  }
  AddRelated(document, contexts);
  return contexts;
}

}  // namespace foundry::teacher
