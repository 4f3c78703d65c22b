// Facts that noun phrases state by themselves: appositions, other names, abbreviations, offices.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/lexicon.h"
#include "services/teacher/extractive/rules.h"
#include "services/teacher/extractive/wh_words.h"

namespace foundry::teacher::extractive {
namespace {

void Add(const std::string& answer, const std::string& statement, const char* type, double value,
         std::vector<std::string> questions, std::vector<Fact>& facts) {
  Fact fact;
  fact.answer = answer;
  fact.statement = statement;
  fact.type = type;
  fact.value = value;
  fact.questions = std::move(questions);
  facts.push_back(std::move(fact));
}

bool Acronym(const std::string& text) {
  if (text.size() < 2 || text.size() > 8) return false;
  size_t capitals = 0;
  for (const char c : text) capitals += absl::ascii_isupper(c);
  return capitals >= 2 && capitals * 2 >= text.size();
}

// "Human Development Index (HDI)": the capitals of the acronym begin words before it.
bool Abbreviates(const Sentence& s, Range name, const std::string& acronym) {
  size_t matched = 0;
  for (size_t i = name.begin; i < name.end && matched < acronym.size(); ++i) {
    if (absl::ascii_toupper(s[i].text[0]) == absl::ascii_toupper(acronym[matched])) ++matched;
  }
  return matched + 1 >= acronym.size() && name.size() > 1;
}

// "the Human Development Index (HDI)", "photosynthesis (also called …)".
void AskBrackets(const Parsed& parsed, const std::string& statement, std::vector<Fact>& facts) {
  const Sentence& s = parsed.sentence;
  for (const Chunk& chunk : parsed.chunks) {
    const size_t open = chunk.range.end;
    if (!s.Is(open, Tag::kOpen) || chunk.pronoun) continue;
    size_t close = open + 1;
    while (close < s.size() && !s.Is(close, Tag::kClose)) ++close;
    if (close >= s.size() || close == open + 1 || close > open + 9) continue;
    Range name = chunk.range;
    while (name.size() > 1 && s.Is(name.begin, Tag::kDeterminer)) ++name.begin;
    const Range inside{open + 1, close};
    const std::string text = s.Text(inside), phrase = s.Inner(chunk.range);
    if (inside.size() == 1 && Acronym(text) && Abbreviates(s, name, text)) {
      Add(s.Text(name), statement, "definition", 1.4,
          {absl::StrCat("What does ", text, " stand for?"), absl::StrCat("What is ", text, "?"),
           absl::StrCat("What does ", text, " mean?")},
          facts);
      Add(text, statement, "definition", 1.0,
          {absl::StrCat("What is the abbreviation of ", s.Text(name), "?")}, facts);
      continue;
    }
    // "(also called immunization)", "(termed avulsion)", "(formerly called Lake Rudolf)".
    for (absl::string_view marker : {"called ", "known as ", "termed ", "named "}) {
      const size_t at = text.find(std::string(marker));
      if (at == std::string::npos || at > 12) continue;
      const std::string other = text.substr(at + marker.size());
      Add(other, statement, "definition", 1.4,
          {absl::StrCat("What is ", phrase, " also called?"),
           absl::StrCat("What is another name for ", phrase, "?"),
           absl::StrCat("What is ", phrase, " also known as?")},
          facts);
      Add(phrase, statement, "definition", 1.0, {absl::StrCat("What is ", other, "?")}, facts);
      break;
    }
  }
}

// "Cryptophytes, or cryptomonads", "NADP, known as …".
void AskOtherNames(const Parsed& parsed, const std::string& statement, std::vector<Fact>& facts) {
  const Sentence& s = parsed.sentence;
  for (size_t k = 0; k + 1 < parsed.chunks.size(); ++k) {
    const Chunk& chunk = parsed.chunks[k];
    const Chunk& next = parsed.chunks[k + 1];
    const size_t end = chunk.range.end;
    const bool alias = s.Is(end, Tag::kComma) && s.IsWord(end + 1, "or") &&
                       next.range.begin == end + 2 &&
                       (s.Is(next.range.end, Tag::kComma) ||
                        FiniteVerb(s[std::min(next.range.end, s.size() - 1)]));
    if (alias && !chunk.pronoun && !next.pronoun) {
      Add(s.Text(next.range), statement, "definition", 1.3,
          {absl::StrCat("What is another word for ", s.Inner(chunk.range), "?"),
           absl::StrCat("What are ", s.Inner(chunk.range), " also called?")},
          facts);
    }
    // "a retreat known as …", "a structure called a Z-ring".
    const bool called =
        (s.IsWord(end, "called") || s.IsWord(end, "named") || s.IsWord(end, "termed")) &&
        next.range.begin == end + 1;
    const bool known =
        s.IsWord(end, "known") && s.IsWord(end + 1, "as") && next.range.begin == end + 2;
    if ((called || known) && !chunk.pronoun && !next.pronoun) {
      Range thing = chunk.range;
      while (thing.size() > 1 && s.Is(thing.begin, Tag::kDeterminer)) ++thing.begin;
      Add(s.Text(next.range), statement, "definition", 1.4,
          {absl::StrCat("What is the ", s.Inner(thing), " called?"),
           absl::StrCat("What is the name of the ", s.Inner(thing), "?")},
          facts);
      Add(s.Inner(chunk.range), statement, "definition", 1.1,
          {absl::StrCat("What is ", s.Inner(next.range), "?")}, facts);
    }
  }
}

// "Emma, sister of Duke Richard II,", "Kennedy's science advisor Jerome Wiesner".
void AskWho(const Parsed& parsed, const std::string& statement, std::vector<Fact>& facts) {
  const Sentence& s = parsed.sentence;
  for (size_t k = 0; k < parsed.chunks.size(); ++k) {
    const Chunk& chunk = parsed.chunks[k];
    if (chunk.pronoun || !s.Is(chunk.head, Tag::kProper)) continue;
    size_t name = chunk.head;
    while (name > chunk.range.begin && s.Is(name - 1, Tag::kProper)) --name;
    const bool office = name >= chunk.range.begin + 2 && s.Is(name - 1, Tag::kNoun) &&
                        IsPersonNoun(s[name - 1].lower);
    if (office) {
      bool genitive = false;
      for (size_t i = chunk.range.begin; i < name; ++i) {
        genitive |= s.Is(i, Tag::kGenitive) || s.Is(i, Tag::kPossessive);
      }
      const std::string role = s.Inner({chunk.range.begin, name});
      const std::string who = s.Text({name, chunk.head + 1});
      if (genitive) {
        Add(who, statement, "factual", 1.4,
            {absl::StrCat("Who was ", role, "?"), absl::StrCat("What was the name of ", role, "?")},
            facts);
      }
      Add(role, statement, "definition", 1.0, {absl::StrCat("Who was ", who, "?")}, facts);
      continue;
    }
    // Apposition: a comma, a phrase, a comma.
    const size_t comma = chunk.range.end;
    if (!s.Is(comma, Tag::kComma) || k + 1 >= parsed.chunks.size()) continue;
    const Chunk& next = parsed.chunks[k + 1];
    if (next.range.begin != comma + 1 || next.pronoun || next.kind == Kind::kDate) continue;
    const bool noun = s.Is(next.head, Tag::kNoun) &&
                      (s.Is(next.range.begin, Tag::kDeterminer) || s.IsWord(next.range.end, "of"));
    const Range whole = Extended(s, parsed.chunks, k + 1);
    const bool closed = whole.end >= s.size() || s[whole.end].tag >= Tag::kComma;
    const bool list = s.Is(whole.end, Tag::kComma) &&
                      (s.IsWord(whole.end + 1, "and") || s.IsWord(whole.end + 1, "or"));
    if (!noun || !closed || list || whole.size() > 12) continue;
    const std::string subject = s.Inner(chunk.range);
    const char* wh = Human(chunk.kind) || Human(next.kind) ? "Who" : "What";
    Add(s.Inner(whole), statement, "definition", 1.2,
        {AsQuestion(absl::StrCat(wh, " was ", subject)),
         AsQuestion(absl::StrCat(wh, " is ", subject))},
        facts);
    Add(subject, statement, "factual", 1.0, {AsQuestion(absl::StrCat(wh, " was ", s.Inner(whole)))},
        facts);
  }
}

// "What kind of membrane?" of an object or subject with an adjective: "a double membrane".
void AskKinds(const Parsed& parsed, const std::string& statement, std::vector<Fact>& facts) {
  const Sentence& s = parsed.sentence;
  for (const Clause& clause : parsed.clauses) {
    if (clause.rest.empty() || clause.form != Clause::Form::kActive) continue;
    const Chunk* object = ChunkAt(parsed, clause.rest.begin);
    if (object == nullptr || object->kind != Kind::kThing || s.Is(object->head, Tag::kProper))
      continue;
    size_t adjective = object->range.begin;
    while (adjective < object->head && s.Is(adjective, Tag::kDeterminer)) ++adjective;
    if (adjective + 1 != object->head || !s.Is(adjective, Tag::kAdjective) ||
        IsStopWord(s[adjective].lower)) {
      continue;
    }
    const Frame frame = MakeFrame(parsed, clause);
    if (!frame.invertible) continue;
    Add(s.Text({adjective, adjective + 1}), statement, "factual", 0.9,
        {Invert(absl::StrCat("What kind of ", s[object->head].text), frame, ""),
         Invert(absl::StrCat("What type of ", s[object->head].text), frame, "")},
        facts);
  }
}

}  // namespace

void AskNames(const Parsed& parsed, const std::string& statement, std::vector<Fact>& facts) {
  AskBrackets(parsed, statement, facts);
  AskOtherNames(parsed, statement, facts);
  AskWho(parsed, statement, facts);
  AskKinds(parsed, statement, facts);
}

}  // namespace foundry::teacher::extractive
