#include "services/teacher/extractive/extractive.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/dataset/prompt.h"
#include "common/dataset/topics.h"
#include "common/text/entities.h"
#include "common/text/language.h"
#include "common/text/structure.h"
#include "services/teacher/extractive/layout.h"
#include "services/teacher/extractive/passage_items.h"
#include "services/teacher/extractive/premise.h"
#include "services/teacher/extractive/sentence_items.h"

namespace foundry::teacher::extractive {
namespace {

using dataset::Document;
using dataset::Pair;
using dataset::Span;

constexpr size_t kShortestSentence = 5;  // words
constexpr size_t kLongestSentence = 140;
constexpr size_t kWordsPerTurn = 14;  // a longer sentence has more turns in a round

absl::string_view Slice(const std::string& text, const Span& span) {
  const size_t begin = std::min<size_t>(std::max<int64_t>(span.begin, 0), text.size());
  const size_t end = std::min<size_t>(std::max<int64_t>(span.end, 0), text.size());
  return absl::string_view(text).substr(begin, end > begin ? end - begin : 0);
}

Names NamesOf(const Document& document) {
  Names names;
  const std::vector<dataset::Entity> entities =
      document.entities.empty() ? text::FindEntities(document.text, document.sentences)
                                : document.entities;
  for (const dataset::Entity& entity : entities) {
    const std::string text = absl::AsciiStrToLower(entity.text);
    if (entity.type == "person") names.persons.insert(text);
    if (entity.type == "location") names.places.insert(text);
    if (entity.type == "organization") names.groups.insert(text);
  }
  return names;
}

// Text worth asking about: prose, not a table row, a formula or a line of code.
bool Prose(const Sentence& sentence) {
  if (sentence.size() < kShortestSentence || sentence.size() > kLongestSentence) return false;
  size_t letters = 0, words = 0;
  for (const char c : sentence.text()) letters += absl::ascii_isalpha(c) || (c & 0x80) || c == ' ';
  for (const Word& word : sentence.words()) words += absl::ascii_isalpha(word.text[0]);
  return letters * 10 >= sentence.text().size() * 7 && words * 10 >= sentence.size() * 5;
}

// Whom a leading "he" or "she" means: the person who was the subject before.
class SubjectMemory {
 public:
  std::string Resolve(const Parsed& parsed) const {
    return parsed.sentence.IsWord(0, "he") || parsed.sentence.IsWord(0, "she") ? person_ : "";
  }
  void Note(const Parsed& parsed) {
    if (parsed.clauses.empty()) return;
    const Clause& clause = parsed.clauses.front();
    if (clause.relative || clause.subordinate) return;
    for (const Chunk& chunk : parsed.chunks) {
      if (chunk.range.begin != clause.subject.begin) continue;
      if (chunk.kind == Kind::kPerson && chunk.proper && !chunk.plural &&
          clause.subject.end == chunk.range.end) {
        person_ = parsed.sentence.Inner(chunk.range);
      } else if (!chunk.pronoun) {
        person_.clear();
      }
    }
  }
  void NewParagraph() { person_.clear(); }

 private:
  std::string person_;
};

std::vector<SourceSentence> ParseAll(const Document& document, bool english) {
  std::vector<SourceSentence> sources;
  const Names names = NamesOf(document);
  Capitals capitals;
  for (const Span& span : document.sentences) CountCapitals(Slice(document.text, span), capitals);
  SubjectMemory memory;
  size_t paragraph = 0;
  for (const Span& span : document.sentences) {
    size_t now = paragraph;
    while (now < document.paragraphs.size() && span.begin >= document.paragraphs[now].end) ++now;
    if (now != paragraph) memory.NewParagraph();
    paragraph = now;
    SourceSentence source;
    source.span = span;
    source.paragraph = paragraph;
    source.section = SectionLabel(document, span.begin);
    source.parsed = Parse(TrimToSentence(Slice(document.text, span)), names, &capitals);
    if (!Prose(source.parsed.sentence)) continue;
    if (english) {
      // Table cells, captions, list items: nothing is said without a verb.
      const std::vector<Word>& words = source.parsed.sentence.words();
      const bool verbless = std::none_of(words.begin(), words.end(), FiniteVerb);
      const bool closed = words.back().tag == Tag::kStop || words.back().tag == Tag::kQuote ||
                          words.back().tag == Tag::kClose;
      if (verbless && (words.size() < 9 || !closed)) continue;
      const bool cell = absl::StrContains(source.parsed.sentence.text(), " | ");
      const bool intro =
          words.back().text == ":" && absl::StrContains(source.parsed.sentence.text(), "ollowing");
      if (cell || intro || (!closed && source.parsed.clauses.empty())) continue;
      source.parsed.subject = memory.Resolve(source.parsed);
      source.facts = AskAbout(source.parsed);
      memory.Note(source.parsed);
    } else {
      source.parsed.clauses.clear();
    }
    sources.push_back(std::move(source));
  }
  return sources;
}

bool Holds(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Items of one sentence, or of all passages, waiting for their turns.
struct Queue {
  std::vector<Item> items;
  size_t next = 0;
  size_t turns = 1;  // items taken in a round
};

// The language-neutral forms stay in English: "Continue: …".
bool NeedsGrammar(const Item& item) {
  return item.type != "cloze" && item.type != "continuation" && item.type != "recital";
}

}  // namespace

std::vector<Pair> ExtractPairs(const Document& original, const ExtractiveOptions& options) {
  Document document = original;
  if (document.sentences.empty())
    text::FillStructure(text::DetectHeadings(document.text), &document);
  const std::string topic = dataset::TopicOf(document);
  const text::LanguageGuess language = text::GuessLanguage(document.text);
  const bool english = language.code == "en" || language.code == "und";
  std::vector<SourceSentence> sentences = ParseAll(document, english);
  std::vector<std::vector<Item>> premises = PremiseItems(sentences, options.seed);

  std::vector<Queue> queues;
  auto enqueue = [&](std::vector<Item> items, size_t turns) {
    Queue queue;
    queue.turns = turns;
    for (Item& item : items) {
      const bool wanted = Holds(options.question_types, QuestionTypeOf(item.type)) &&
                          Holds(options.levels, item.level) && (english || !NeedsGrammar(item));
      if (wanted) queue.items.push_back(std::move(item));
    }
    std::stable_sort(queue.items.begin(), queue.items.end(),
                     [](const Item& a, const Item& b) { return a.rank < b.rank; });
    if (!queue.items.empty()) queues.push_back(std::move(queue));
  };
  for (size_t i = 0; i < sentences.size(); ++i) {
    std::vector<Item> items = SentenceItems(sentences[i], i, options.seed);
    items.insert(items.end(), premises[i].begin(), premises[i].end());
    enqueue(std::move(items), 1 + sentences[i].parsed.sentence.size() / kWordsPerTurn);
  }
  enqueue(PassageItems(document, topic, sentences), 1 + sentences.size() / 8);

  const int wanted = options.pairs_per_document > 0
                         ? options.pairs_per_document
                         : std::min<int>(kMostPairs, kPairsPerSentence * sentences.size());
  std::vector<Pair> pairs;
  std::set<std::string> seen;
  for (bool any = true; any && static_cast<int>(pairs.size()) < wanted;) {
    any = false;
    for (Queue& queue : queues) {
      for (size_t turn = 0; turn < queue.turns && queue.next < queue.items.size();) {
        const Item& item = queue.items[queue.next++];
        any = true;
        Pair pair;
        pair.input = dataset::ClosedBookPrompt(topic, item.question);
        if (!seen.insert(pair.input).second) continue;
        pair.target = item.target;
        pair.type = item.type;
        pair.level = item.level;
        pair.fact = item.fact;
        pair.reasoning = item.reasoning;
        pair.teacher = kTeacherName;
        pair.source.document = document.id;
        pair.source.span = item.span;
        pair.source.passage = std::string(Slice(document.text, item.span));
        pair.scores["support"] = 1.0;
        pairs.push_back(std::move(pair));
        ++turn;
        if (static_cast<int>(pairs.size()) >= wanted) return pairs;
      }
    }
  }
  return pairs;
}

}  // namespace foundry::teacher::extractive
