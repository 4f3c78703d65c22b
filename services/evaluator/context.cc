#include "services/evaluator/context.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/dataset/prompt.h"
#include "common/dataset/topics.h"
#include "common/text/utf8.h"
#include "services/evaluator/metrics/normalize.h"

namespace foundry::evaluator {
namespace {

constexpr double kK1 = 1.2, kB = 0.75;

std::vector<std::string> ParagraphsOf(const dataset::Document& document) {
  std::vector<std::string> texts;
  for (const dataset::Span& span : document.paragraphs) {
    texts.push_back(document.text.substr(span.begin, span.end - span.begin));
  }
  if (texts.empty()) {
    texts = absl::StrSplit(document.text, absl::ByString("\n\n"), absl::SkipWhitespace());
  }
  return texts;
}

std::vector<std::string> SentencesOf(absl::string_view text) {
  std::vector<std::string> sentences = {""};
  for (size_t i = 0; i < text.size(); ++i) {
    sentences.back() += text[i] == '\n' ? ' ' : text[i];
    const bool stop = text[i] == '.' || text[i] == '!' || text[i] == '?';
    const bool next_starts = i + 2 < text.size() && absl::ascii_isspace(text[i + 1]) &&
                             !absl::ascii_islower(static_cast<unsigned char>(text[i + 2]));
    if (stop && next_starts) sentences.emplace_back();
  }
  return sentences;
}

// A passage given by text, not by a document's id.
bool IsText(absl::string_view passage) {
  return passage.size() >= 30 && passage.find(' ') != absl::string_view::npos;
}

}  // namespace

ContextIndex::ContextIndex(const std::vector<dataset::Document>& documents) {
  double total = 0;
  for (const dataset::Document& document : documents) {
    for (std::string& text : ParagraphsOf(document)) {
      Paragraph paragraph{std::move(text), document.id, dataset::TopicOf(document), {}, 0};
      for (const std::string& word : AnswerTokens(paragraph.text)) {
        ++paragraph.words[word];
        ++paragraph.length;
      }
      for (const auto& [word, count] : paragraph.words) ++frequency_[word];
      total += paragraph.length;
      paragraphs_.push_back(std::move(paragraph));
    }
  }
  if (!paragraphs_.empty()) mean_length_ = std::max(1.0, total / paragraphs_.size());
}

double ContextIndex::Score(const Paragraph& paragraph,
                           const std::vector<std::string>& question) const {
  double score = 0;
  for (const std::string& word : question) {
    const auto found = paragraph.words.find(word);
    if (found == paragraph.words.end()) continue;
    const double df = frequency_.at(word), n = paragraphs_.size();
    const double idf = std::log(1 + (n - df + 0.5) / (df + 0.5));
    const double tf = found->second;
    score += idf * tf * (kK1 + 1) / (tf + kK1 * (1 - kB + kB * paragraph.length / mean_length_));
  }
  return score;
}

std::string ContextIndex::ContextFor(const Item& item, size_t max_bytes) const {
  if (IsText(item.passage)) return std::string(text::Utf8Prefix(item.passage, max_bytes));
  const std::vector<std::string> question =
      AnswerTokens(absl::StrCat(item.topic, " ", item.question));
  const auto belongs = [&](const Paragraph& paragraph) {
    if (!item.passage.empty() && paragraph.document == item.passage) return true;
    return paragraph.document == item.document ||
           (!item.topic.empty() && (paragraph.topic == item.topic ||
                                    dataset::TopicName(paragraph.document) == item.topic));
  };
  const bool known = std::any_of(paragraphs_.begin(), paragraphs_.end(), belongs);
  std::vector<std::pair<double, size_t>> ranked;
  for (size_t i = 0; i < paragraphs_.size(); ++i) {
    if (known && !belongs(paragraphs_[i])) continue;
    const double score = Score(paragraphs_[i], question);
    // The right document is worth reading even when the words differ.
    if (score > 0 || known) ranked.emplace_back(-score, i);
  }
  std::sort(ranked.begin(), ranked.end());
  // The best ones, in reading order.
  std::vector<size_t> chosen;
  size_t bytes = 0;
  for (const auto& [score, i] : ranked) {
    if (!chosen.empty() && bytes + paragraphs_[i].text.size() > max_bytes) continue;
    bytes += paragraphs_[i].text.size();
    chosen.push_back(i);
  }
  std::sort(chosen.begin(), chosen.end());
  std::string context;
  for (size_t i : chosen) {
    absl::StrAppend(&context, context.empty() ? "" : "\n\n", paragraphs_[i].text);
  }
  return std::string(text::Utf8Prefix(context, max_bytes));
}

std::string ContextIndex::BestSentence(const Item& item) const {
  const std::vector<std::string> question = AnswerTokens(item.question);
  std::string best;
  double best_score = 0;
  for (std::string& sentence : SentencesOf(ContextFor(item, 1 << 16))) {
    Paragraph unit{sentence, "", "", {}, 0};
    for (const std::string& word : AnswerTokens(sentence)) ++unit.words[word], ++unit.length;
    double score = 0;
    for (const std::string& word : question) {
      if (unit.words.count(word) == 0) continue;
      const auto df = frequency_.find(word);
      const double n = std::max<size_t>(1, paragraphs_.size());
      score += std::log(1 + n / (df == frequency_.end() ? 1.0 : df->second));
    }
    score /= std::sqrt(8.0 + unit.length);
    if (score > best_score) best_score = score, best = std::move(sentence);
  }
  return std::string(absl::StripAsciiWhitespace(best));
}

}  // namespace foundry::evaluator
