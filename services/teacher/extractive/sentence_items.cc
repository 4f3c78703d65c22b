#include "services/teacher/extractive/sentence_items.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/lexicon.h"

namespace foundry::teacher::extractive {
namespace {

constexpr size_t kMostClozes = 6;
constexpr size_t kMostAbouts = 6;
constexpr size_t kLongestWhole = 60;  // words

// How a phrase is asked about; $ is the phrase. Several forms, so that no wording is the only key.
constexpr absl::string_view kAbout[] = {
    "What does the text say about $?", "What is said about $?",  "What do you know about $?",
    "What can you tell me about $?",   "What is known about $?", "What should one know about $?",
};

std::string Fill(absl::string_view form, const std::string& phrase) {
  const size_t at = form.find('$');
  return absl::StrCat(form.substr(0, at), phrase, form.substr(at + 1));
}

std::string Normal(const std::string& phrase) { return absl::AsciiStrToLower(phrase); }

// Phrases without a leading article: "the town of Otrar" is asked as it is, but grouped as "town".
std::string FactKey(size_t number, const std::string& answer) {
  return absl::StrCat("s", number, ":", Normal(answer));
}

// Answers that say nothing without their sentence.
bool Empty(const std::string& answer) {
  static constexpr absl::string_view kEmpty[] = {
      "things",     "a form",   "one",    "the use",       "a way", "ways",
      "the result", "a result", "part",   "a number",      "it",    "holds",
      "place",      "the case", "others", "the following", "this"};
  return std::find(std::begin(kEmpty), std::end(kEmpty), Normal(answer)) != std::end(kEmpty);
}

class Maker {
 public:
  Maker(const SourceSentence& source, size_t number, uint64_t seed)
      : source_(source), s_(source.parsed.sentence), number_(number), seed_(seed) {
    const std::string first = s_.size() > 0 ? s_[0].lower : "";
    vague_ = first == "this" || first == "these" || first == "it" || first == "they" ||
             first == "he" || first == "she" || first == "its" || first == "such";
  }

  std::vector<Item> Make() {
    Questions();
    // The whole of a very long sentence is too much to say at once.
    if (s_.size() > kLongestWhole) return std::move(items_);
    Abouts();
    Clozes();
    Continuations();
    return std::move(items_);
  }

 private:
  void Add(std::string question, std::string target, const std::string& type,
           const std::string& fact, double rank, std::string reasoning = "") {
    // "What does this directory contain?" needs to say which.
    if (vague_ && !source_.section.empty() && type != "continuation" && type != "cloze") {
      question = absl::StrCat("Section: ", source_.section, ". ", question);
    }
    if (target.empty() || !seen_.insert(Normal(question)).second) return;
    Item item;
    item.question = std::move(question);
    item.target = std::move(target);
    item.type = type;
    item.level = "sentence";
    item.fact = fact;
    item.span = source_.span;
    item.rank = rank;
    item.reasoning = std::move(reasoning);
    items_.push_back(std::move(item));
  }

  void Questions() {
    std::vector<const Fact*> facts;
    for (const Fact& fact : source_.facts) facts.push_back(&fact);
    std::stable_sort(facts.begin(), facts.end(),
                     [](const Fact* a, const Fact* b) { return a->value > b->value; });
    for (size_t f = 0; f < facts.size(); ++f) {
      const Fact& fact = *facts[f];
      const std::string key = FactKey(number_, fact.answer);
      for (size_t w = 0; w < fact.questions.size(); ++w) {
        // All facts once before the second wording of any.
        const double rank = 1.2 * w + 0.15 * f - fact.value;
        Add(fact.questions[w], fact.statement, fact.type, key, rank);
      }
      if (fact.answer.size() <= 60 && !Empty(fact.answer)) {
        Add(absl::StrCat(fact.questions[0], " Answer briefly."),
            absl::StrCat(Capitalized(fact.answer), "."), fact.type, key,
            2.5 + 0.15 * f - fact.value, fact.statement);
      }
    }
  }

  void Abouts() {
    const std::vector<Range> phrases = KeyPhrases(source_.parsed);
    const std::string statement = StatementOf(source_.parsed);
    const std::string fact = absl::StrCat("s", number_);
    const size_t forms = std::size(kAbout);
    const size_t shift = (seed_ + number_) % forms;
    for (size_t i = 0; i < phrases.size() && i < kMostAbouts; ++i) {
      const std::string phrase = s_.Inner(phrases[i]);
      Add(Fill(kAbout[(shift + i) % forms], phrase), statement, "about", fact, 0.6 + 1.3 * i);
      if (i + 1 < phrases.size()) {
        const std::string second = s_.Inner(phrases[i + 1]);
        Add(absl::StrCat("What does the text say about ", phrase, " and ", second, "?"), statement,
            "about", fact, 1.5 + 1.3 * i);
      }
      if (i + 2 < phrases.size() && i % 2 == 0) {
        Add(absl::StrCat("What is said about ", phrase, ", ", s_.Inner(phrases[i + 1]), " and ",
                         s_.Inner(phrases[i + 2]), "?"),
            statement, "about", fact, 1.0 + 1.3 * i);
      }
    }
  }

  void Clozes() {
    const std::vector<Range> phrases = KeyPhrases(source_.parsed);
    const std::string statement = StatementOf(source_.parsed);
    for (size_t i = 0; i < phrases.size() && i < kMostClozes; ++i) {
      Range range = phrases[i];
      // The article stays: the blank is for what carries meaning.
      while (range.size() > 1 &&
             (s_.Is(range.begin, Tag::kDeterminer) || s_.Is(range.begin, Tag::kPossessive))) {
        ++range.begin;
      }
      const std::string phrase = s_.Text(range);
      if (s_.size() > 45) continue;
      const std::string blanked = absl::StrCat(s_.text().substr(0, s_[range.begin].begin), "____",
                                               s_.text().substr(s_[range.end - 1].end));
      Add(absl::StrCat("Fill in the blank: ", blanked), absl::StrCat(Capitalized(phrase), "."),
          "cloze", FactKey(number_, s_.Text(phrases[i])), 1.0 + 0.9 * i, statement);
    }
  }

  // Cut at a boundary between words near a third and two thirds.
  void Continuations() {
    if (s_.size() < 9) return;
    const std::string fact = absl::StrCat("s", number_);
    const double shares[] = {0.4, 0.6};
    for (size_t k = 0; k < 2; ++k) {
      size_t cut = static_cast<size_t>(s_.size() * shares[k]);
      while (cut + 3 < s_.size() && (s_.Is(cut, Tag::kGenitive) || s_[cut].tag >= Tag::kComma))
        ++cut;
      if (cut + 3 >= s_.size()) continue;
      Add(absl::StrCat("Continue: ", s_.Text({0, cut}), " …"), s_.text().substr(s_[cut].begin),
          "continuation", fact, 1.6 + 1.5 * k, "");
    }
  }

  const SourceSentence& source_;
  const Sentence& s_;
  const size_t number_;
  const uint64_t seed_;
  bool vague_ = false;  // begins with a word that points elsewhere
  std::set<std::string> seen_;
  std::vector<Item> items_;
};

}  // namespace

std::string QuestionTypeOf(const std::string& type) {
  if (type == "definition" || type == "description" || type == "about" || type == "conceptual") {
    return "conceptual";
  }
  if (type == "purpose" || type == "application") return "application";
  if (type == "reason" || type == "multi_fact" || type == "false_premise" || type == "analysis") {
    return "analysis";
  }
  return "factual";
}

std::vector<Item> SentenceItems(const SourceSentence& source, size_t number, uint64_t seed) {
  return Maker(source, number, seed).Make();
}

std::vector<Range> KeyPhrases(const Parsed& parsed) {
  struct Scored {
    Range range;
    double score;
  };
  std::vector<Scored> scored;
  size_t covered = 0;
  for (size_t i = 0; i < parsed.chunks.size(); ++i) {
    const Chunk& chunk = parsed.chunks[i];
    if (chunk.pronoun || chunk.range.begin < covered) continue;
    Range range = chunk.range;
    // "the Battle of Frankenhausen" is one name.
    if (parsed.sentence.IsWord(range.end, "of") && i + 1 < parsed.chunks.size() &&
        parsed.chunks[i + 1].range.begin == range.end + 1 && !parsed.chunks[i + 1].pronoun) {
      range.end = parsed.chunks[i + 1].range.end;
    }
    const std::string text = parsed.sentence.Text(range);
    if (text.size() < 3 || (range.size() == 1 && IsStopWord(parsed.sentence[range.begin].lower))) {
      continue;
    }
    const bool proper = chunk.proper || parsed.sentence.Is(range.end - 1, Tag::kProper);
    double score = 0.2 * static_cast<double>(range.size());
    if (proper) score += 1.5;
    if (HasDigit(text)) score += 1.2;
    if (chunk.range.begin == 0) score += 0.3;
    scored.push_back({range, score});
    covered = range.end;
  }
  std::stable_sort(scored.begin(), scored.end(),
                   [](const Scored& a, const Scored& b) { return a.score > b.score; });
  std::vector<Range> phrases;
  for (const Scored& one : scored) phrases.push_back(one.range);
  return phrases;
}

}  // namespace foundry::teacher::extractive
