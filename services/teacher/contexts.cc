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
constexpr size_t kWidestSpread = 100;    // paragraphs

// Cuts at a sentence's end where one lies in the last third.
size_t CutPoint(const Document& document, int64_t begin, int64_t limit) {
  int64_t cut = begin;
  auto sentence =
      std::lower_bound(document.sentences.begin(), document.sentences.end(), begin,
                       [](const Span& span, int64_t from) { return span.begin < from; });
  for (; sentence != document.sentences.end() && sentence->end <= limit; ++sentence) {
    cut = std::max(cut, sentence->end);
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
  std::map<std::string, std::vector<size_t>> places;  // word → paragraphs that hold it
  for (size_t p = 0; p < document.paragraphs.size(); ++p) {
    const absl::string_view text = text::Slice(document.text, document.paragraphs[p]);
    for (const std::string& word : TellingWords(text)) places[word].push_back(p);
  }
  std::vector<double> scores(document.paragraphs.size());
  for (Context& context : contexts) {
    std::vector<size_t> touched;
    for (const std::string& word : TellingWords(context.text)) {
      const auto place = places.find(word);
      // A word of many paragraphs relates nothing, and would make long documents cost their square.
      if (place == places.end() || place->second.size() > kWidestSpread) continue;
      for (const size_t p : place->second) {
        if (scores[p] == 0) touched.push_back(p);
        scores[p] += 1.0 / static_cast<double>(place->second.size());
      }
    }
    std::vector<std::pair<double, size_t>> scored;
    for (const size_t p : touched) {
      const Span& span = document.paragraphs[p];
      const bool apart = span.begin >= context.span.end || span.end <= context.span.begin;
      if (apart && scores[p] > 0.3) scored.emplace_back(-scores[p], p);
      scores[p] = 0;
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
