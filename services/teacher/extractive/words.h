// A sentence cut into words with byte offsets, and tagged. Thread-safe (no state).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace foundry::teacher::extractive {

enum class Tag {
  kNoun,
  kProper,
  kPronoun,
  kDeterminer,
  kPossessive,
  kAdjective,
  kAdverb,
  kNumber,
  kPreposition,
  kTo,
  kConjunction,
  kSubordinator,  // which, who, that, because, …
  kBe,
  kHave,
  kDo,
  kModal,
  kPast,
  kPresent,
  kBase,
  kParticiple,
  kGerund,    // main verbs by form
  kGenitive,  // 's
  kComma,
  kStop,
  kOpen,
  kClose,
  kQuote,
  kOther,  // kStop: ; : — and the end
};

struct Word {
  std::string text, lower;
  size_t begin = 0, end = 0;  // bytes of the sentence
  Tag tag = Tag::kNoun;
};

// Half-open range of word indices.
struct Range {
  size_t begin = 0, end = 0;
  bool empty() const { return begin >= end; }
  size_t size() const { return empty() ? 0 : end - begin; }
  bool holds(size_t i) const { return i >= begin && i < end; }
};

// What the whole document tells about capitals: words seen with one inside a sentence, and without.
struct Capitals {
  std::set<std::string> names, common;  // lower case
};

// A sentence without citation marks and doubled blanks, its words tagged.
class Sentence {
 public:
  Sentence() = default;
  explicit Sentence(absl::string_view text, const Capitals* capitals = nullptr);

  const std::string& text() const { return text_; }
  const std::vector<Word>& words() const { return words_; }
  const Word& operator[](size_t i) const { return words_[i]; }
  size_t size() const { return words_.size(); }
  bool Is(size_t i, Tag tag) const { return i < words_.size() && words_[i].tag == tag; }
  bool IsWord(size_t i, absl::string_view lower) const {
    return i < words_.size() && words_[i].lower == lower;
  }

  // The text of a range, as written.
  std::string Text(Range range) const;
  // The same, for the middle of a sentence: a first word that is no name loses its capital.
  std::string Inner(Range range) const;

 private:
  std::string text_;
  std::vector<Word> words_;
};

// Removes "[12]", "[citation needed]" and the like, and white space that is not single blanks.
std::string CleanSentence(absl::string_view text);

// Cuts into words; tags only punctuation.
std::vector<Word> CutWords(absl::string_view text);

// Gives every word its tag.
void TagWords(std::vector<Word>& words, const Capitals* capitals);

// Adds the sentence's words.
void CountCapitals(absl::string_view sentence, Capitals& capitals);

// Whether a clause can begin to be finite at this word: no participle, infinitive or gerund.
bool FiniteVerb(const Word& word);

bool HasDigit(absl::string_view text);
bool IsYear(absl::string_view text);  // 1066, 1990s
std::string Capitalized(absl::string_view text);

}  // namespace foundry::teacher::extractive
