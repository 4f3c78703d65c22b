#include "services/teacher/extractive/passage_items.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/teacher/extractive/layout.h"
#include "services/teacher/extractive/sentence_items.h"

namespace foundry::teacher::extractive {
namespace {

constexpr size_t kLongestRecital = 700;  // bytes

// Statements of the sentences, joined up to a length.
std::string Recital(const std::vector<const SourceSentence*>& sentences, size_t from) {
  std::string text;
  for (size_t i = from; i < sentences.size(); ++i) {
    const std::string statement = StatementOf(sentences[i]->parsed);
    if (!text.empty() && text.size() + statement.size() > kLongestRecital) break;
    absl::StrAppend(&text, text.empty() ? "" : " ", statement);
  }
  return text;
}

dataset::Span SpanOf(const std::vector<const SourceSentence*>& sentences) {
  return {sentences.front()->span.begin, sentences.back()->span.end};
}

Item Make(std::string question, std::string target, const char* type, const char* level,
          std::string fact, dataset::Span span, double rank) {
  Item item;
  item.question = std::move(question);
  item.target = std::move(target);
  item.type = type;
  item.level = level;
  item.fact = std::move(fact);
  item.span = span;
  item.rank = rank;
  return item;
}

// The best fact of a sentence: its first question and statement.
const Fact* BestFact(const SourceSentence& sentence) {
  const Fact* best = nullptr;
  for (const Fact& fact : sentence.facts) {
    if (best == nullptr || fact.value > best->value) best = &fact;
  }
  return best;
}

void ParagraphItems(const std::vector<const SourceSentence*>& sentences, size_t number,
                    std::vector<Item>& items) {
  const std::string fact = absl::StrCat("p", number);
  const dataset::Span span = SpanOf(sentences);
  if (sentences.size() > 1) {
    const Sentence& first = sentences[0]->parsed.sentence;
    if (first.size() > 7) {
      items.push_back(
          Make(absl::StrCat("Recite the passage that begins: ", first.Text({0, 6}), " …"),
               Recital(sentences, 0), "recital", "paragraph", fact, span, 2.0));
    }
    const std::vector<Range> phrases = KeyPhrases(sentences[0]->parsed);
    if (!phrases.empty()) {
      items.push_back(
          Make(absl::StrCat("What does the passage about ", first.Inner(phrases[0]), " say?"),
               Recital(sentences, 0), "recital", "paragraph", fact, span, 3.0));
    }
  }
  for (size_t i = 0; i + 1 < sentences.size(); ++i) {
    const std::string statement = StatementOf(sentences[i]->parsed);
    if (statement.size() < 200) {
      items.push_back(Make(absl::StrCat("What comes after this? ", statement),
                           StatementOf(sentences[i + 1]->parsed), "continuation", "paragraph",
                           absl::StrCat(fact, ":after", i), span, 2.5 + 0.1 * i));
    }
  }
  // Two facts of one passage in one question.
  for (size_t i = 0; i + 1 < sentences.size(); i += 2) {
    const Fact* a = BestFact(*sentences[i]);
    const Fact* b = BestFact(*sentences[i + 1]);
    if (a == nullptr || b == nullptr || a->value < 1 || b->value < 1) continue;
    items.push_back(Make(absl::StrCat(a->questions[0], " ", b->questions[0]),
                         absl::StrCat(a->statement, " ", b->statement), "multi_fact", "paragraph",
                         absl::StrCat(fact, ":multi", i), span, 1.5 + 0.2 * i));
  }
}

}  // namespace

std::vector<Item> PassageItems(const dataset::Document& document, const std::string& topic,
                               const std::vector<SourceSentence>& sentences) {
  std::vector<Item> items;
  if (sentences.empty()) return items;
  std::vector<const SourceSentence*> paragraph;
  size_t number = 0;
  for (size_t i = 0; i <= sentences.size(); ++i) {
    if (i == sentences.size() ||
        (!paragraph.empty() && sentences[i].paragraph != paragraph.back()->paragraph)) {
      ParagraphItems(paragraph, number++, items);
      paragraph.clear();
    }
    if (i < sentences.size()) paragraph.push_back(&sentences[i]);
  }
  for (size_t k = 0; k < document.sections.size(); ++k) {
    const dataset::Section& section = document.sections[k];
    if (section.heading.empty() || section.heading == topic) continue;
    const std::string name = HeadingName(section.heading);
    // "/usr/share/man : Manual pages" says what it is.
    if (const size_t colon = name.find(" : "); colon != std::string::npos && colon > 0) {
      const std::string subject = name.substr(0, colon), meaning = name.substr(colon + 3);
      const std::string target = absl::StrCat(subject, ": ", meaning, ".");
      const std::string fact = absl::StrCat("h", k, ":is");
      for (absl::string_view form :
           {"What is ", "What is the purpose of ", "What does one find in ", "What is kept in "}) {
        items.push_back(Make(absl::StrCat(form, subject, "?"), target, "definition", "section",
                             fact, section.span, 0.2));
      }
      items.push_back(Make(absl::StrCat("What is for this: ", meaning, "?"), target, "definition",
                           "section", fact, section.span, 0.8));
    }
    std::vector<const SourceSentence*> inside;
    for (const SourceSentence& sentence : sentences) {
      if (sentence.span.begin >= section.span.begin && sentence.span.end <= section.span.end) {
        inside.push_back(&sentence);
      }
    }
    if (inside.empty()) continue;
    const std::string fact = absl::StrCat("h", k);
    const std::string text = Recital(inside, 0);
    items.push_back(Make(absl::StrCat("What does the section \"", name, "\" say?"), text, "recital",
                         "section", fact, SpanOf(inside), 1.0));
    items.push_back(Make(absl::StrCat("What is said under \"", name, "\"?"),
                         StatementOf(inside[0]->parsed), "about", "section", fact, SpanOf(inside),
                         2.0));
  }
  std::vector<const SourceSentence*> all;
  for (const SourceSentence& sentence : sentences) all.push_back(&sentence);
  const std::string summary = document.summary.empty() ? Recital(all, 0) : document.summary;
  if (!topic.empty()) {
    items.push_back(Make(absl::StrCat("What is \"", topic, "\" about?"), summary, "about",
                         "document", "d", SpanOf(all), 0.5));
    items.push_back(Make(absl::StrCat("Summarise what you know about ", topic, "."), summary,
                         "about", "document", "d", SpanOf(all), 1.5));
    if (document.keywords.size() >= 3) {
      items.push_back(Make(absl::StrCat("Which topics does \"", topic, "\" treat?"),
                           absl::StrCat(Capitalized(absl::StrJoin(document.keywords, ", ")), "."),
                           "about", "document", "d:keywords", SpanOf(all), 1.5));
    }
  }
  return items;
}

}  // namespace foundry::teacher::extractive
