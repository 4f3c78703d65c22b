#include "common/text/keywords.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/text/normalize.h"
#include "common/text/stopwords.h"
#include "common/text/utf8.h"

namespace foundry::text {
namespace {

struct WordStats {
  int64_t count = 0;
  int64_t capitals = 0;  // not at a sentence's start
  absl::flat_hash_set<int64_t> sentences;
  absl::flat_hash_set<std::string> left, right;
  double first = 0;  // first position, 0..1
};

struct Phrase {
  std::vector<std::string> words;  // folded
  std::map<std::string, int64_t> spellings;
  int64_t count = 0;
};

bool IsContentWord(absl::string_view folded, absl::string_view language) {
  if (CountCodePoints(folded) < 2 || IsStopword(folded, language)) return false;
  int64_t letters = 0, all = 0;
  for (size_t at = 0; at < folded.size(); ++all) letters += IsLetter(DecodeUtf8(folded, &at));
  return letters * 2 > all && all <= 40;
}

// Only blanks stand between the words of a phrase.
bool Adjacent(absl::string_view text, const Span& a, const Span& b) {
  const absl::string_view between = text.substr(a.end, b.begin - a.end);
  return between == " " || between == "\n" || between.empty();
}

class Extractor {
 public:
  Extractor(absl::string_view text, const KeywordOptions& options)
      : text_(text), options_(options) {}

  void AddSentence(int64_t index, const Span& sentence) {
    std::vector<Span> run;
    std::vector<std::string> folded;
    bool first = true;
    for (Span span : WordSpans(Slice(text_, sentence))) {
      span = {span.begin + sentence.begin, span.end + sentence.begin};
      for (const absl::string_view possessive : {"'s", "’s"}) {
        if (absl::EndsWith(Slice(text_, span), possessive)) span.end -= possessive.size();
      }
      const std::string word = FoldCase(Slice(text_, span));
      const bool content = IsContentWord(word, options_.language);
      if (!run.empty() && (!content || !Adjacent(text_, run.back(), span))) AddRun(&run, &folded);
      if (content) {
        Count(index, word, span, first);
        run.push_back(span);
        folded.push_back(word);
      }
      first = false;
    }
    AddRun(&run, &folded);
  }

  std::vector<std::string> Best() {
    std::vector<std::pair<double, const Phrase*>> ranked;
    for (const auto& [key, phrase] : phrases_) {
      // A long phrase seen once is an accident of wording.
      if (phrase.words.size() > 1 && phrase.count < 2 && phrases_.size() > 30) continue;
      ranked.push_back({Score(phrase), &phrase});
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::string> out;
    std::vector<std::string> kept;
    for (const auto& [score, phrase] : ranked) {
      if (static_cast<int>(out.size()) >= options_.count) break;
      // "file" and "files" are one keyword.
      std::string padded = absl::StrCat(" ", absl::StrJoin(phrase->words, " "), " ");
      absl::StrReplaceAll({{"s ", " "}}, &padded);
      const bool overlaps = std::any_of(kept.begin(), kept.end(), [&](const std::string& other) {
        return absl::StrContains(other, padded) || absl::StrContains(padded, other);
      });
      if (overlaps) continue;
      kept.push_back(padded);
      const auto spelling =
          std::max_element(phrase->spellings.begin(), phrase->spellings.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
      out.push_back(OneLine(spelling->first));
    }
    return out;
  }

 private:
  void Count(int64_t sentence, const std::string& word, const Span& span, bool first) {
    WordStats& stats = stats_[word];
    if (stats.count++ == 0)
      stats.first = static_cast<double>(span.begin) / std::max<size_t>(1, text_.size());
    most_ = std::max(most_, stats.count);
    stats.sentences.insert(sentence);
    size_t at = span.begin;
    stats.capitals += !first && IsUpper(DecodeUtf8(text_, &at));
    sentences_ = std::max(sentences_, sentence + 1);
  }

  void AddRun(std::vector<Span>* run, std::vector<std::string>* folded) {
    for (size_t i = 0; i < run->size(); ++i) {
      for (size_t n = 1; n <= static_cast<size_t>(options_.longest_phrase) && i + n <= run->size();
           ++n) {
        // CJK "words" are single characters: only pairs and longer mean something.
        const std::vector<std::string> words(folded->begin() + i, folded->begin() + i + n);
        Phrase& phrase = phrases_[absl::StrJoin(words, " ")];
        if (phrase.count++ == 0) phrase.words = words;
        const Span whole{(*run)[i].begin, (*run)[i + n - 1].end};
        ++phrase.spellings[std::string(Slice(text_, whole))];
      }
      if (i > 0) {
        stats_[(*folded)[i]].left.insert((*folded)[i - 1]);
        stats_[(*folded)[i - 1]].right.insert((*folded)[i]);
      }
    }
    run->clear();
    folded->clear();
  }

  double WordScore(const std::string& word) const {
    const WordStats& s = stats_.at(word);
    const double frequency = static_cast<double>(s.count) / most_;
    const double spread =
        static_cast<double>(s.sentences.size()) / std::max<int64_t>(1, sentences_);
    const double capitals = static_cast<double>(s.capitals) / s.count;
    const double early = 1.0 / (1.0 + 2.0 * s.first);
    // A word with ever-changing neighbours is general vocabulary (YAKE's relatedness).
    const double neighbours = static_cast<double>(s.left.size() + s.right.size()) / (2.0 * s.count);
    return (std::sqrt(frequency) + spread + 0.3 * capitals) * (0.5 + 0.5 * early) /
           (1.0 + 0.5 * neighbours);
  }

  double Score(const Phrase& phrase) const {
    double sum = 0;
    for (const std::string& word : phrase.words) sum += WordScore(word);
    const double mean = sum / phrase.words.size();
    const double length = 1.0 + 0.7 * (phrase.words.size() - 1);
    return mean * length * std::log2(1.0 + phrase.count);
  }

  absl::string_view text_;
  const KeywordOptions& options_;
  absl::flat_hash_map<std::string, WordStats> stats_;
  std::map<std::string, Phrase> phrases_;
  int64_t most_ = 1;
  int64_t sentences_ = 0;
};

}  // namespace

std::vector<std::string> ExtractKeywords(absl::string_view text, const std::vector<Span>& sentences,
                                         const KeywordOptions& options) {
  if (options.count <= 0) return {};
  Extractor extractor(text, options);
  for (size_t i = 0; i < sentences.size(); ++i)
    extractor.AddSentence(static_cast<int64_t>(i), sentences[i]);
  return extractor.Best();
}

}  // namespace foundry::text
