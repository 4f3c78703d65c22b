#include "services/teacher/extractive/clauses.h"

#include <algorithm>

#include "services/teacher/extractive/lexicon.h"

namespace foundry::teacher::extractive {
namespace {

constexpr size_t kLongestSubject = 16;  // words

struct Group {
  Range verbs;
  size_t verb = 0;
  Clause::Form form = Clause::Form::kActive;
  bool auxiliary = false;
};

bool Finite(const Sentence& s, size_t i) { return FiniteVerb(s[i]); }

// The verb group that begins at the finite word `i`.
Group ReadGroup(const Sentence& s, size_t i) {
  Group group;
  group.verbs = {i, i + 1};
  group.verb = i;
  group.auxiliary = s[i].tag == Tag::kBe || s[i].tag == Tag::kModal;
  if (s[i].tag == Tag::kPast || s[i].tag == Tag::kPresent) return group;
  Tag last = s[i].tag;
  for (size_t k = i + 1; k < s.size(); ++k) {
    const Tag tag = s[k].tag;
    if (tag == Tag::kAdverb) continue;
    const bool goes_on = tag == Tag::kBe || tag == Tag::kHave || tag == Tag::kBase ||
                         tag == Tag::kParticiple || tag == Tag::kGerund;
    if (!goes_on) break;
    if (last == Tag::kBase || last == Tag::kParticiple || last == Tag::kGerund) break;
    if (tag == Tag::kGerund && last != Tag::kBe) break;
    group.verbs.end = k + 1;
    group.verb = k;
    group.auxiliary = true;
    if (tag == Tag::kParticiple && last == Tag::kBe) group.form = Clause::Form::kPassive;
    last = tag;
  }
  if (s.Is(group.verb, Tag::kBe)) group.form = Clause::Form::kCopula;
  return group;
}

// Whether words open a clause rather than continue one.
bool Boundary(const Sentence& s, size_t i) {
  const Tag tag = s[i].tag;
  return tag == Tag::kComma || tag == Tag::kStop || tag == Tag::kSubordinator ||
         tag == Tag::kOpen || tag == Tag::kQuote;
}

bool InBrackets(const Sentence& s, size_t i) {
  int depth = 0;
  for (size_t k = 0; k < i; ++k) {
    if (s.Is(k, Tag::kOpen)) ++depth;
    if (s.Is(k, Tag::kClose)) --depth;
  }
  return depth > 0;
}

const Chunk* ChunkFrom(const std::vector<Chunk>& chunks, size_t begin, size_t end) {
  for (const Chunk& chunk : chunks) {
    if (chunk.range.begin >= begin && chunk.range.end <= end) return &chunk;
  }
  return nullptr;
}

size_t IndexOf(const std::vector<Chunk>& chunks, const Chunk* chunk) {
  return static_cast<size_t>(chunk - chunks.data());
}

// The noun phrase that ends right before `i`, with the phrases it hangs on: the antecedent of
// "which" or "who".
Range Antecedent(const Sentence& s, const std::vector<Chunk>& chunks, size_t i) {
  while (i > 0 && (s.Is(i - 1, Tag::kComma) || s.Is(i - 1, Tag::kPreposition))) --i;
  if (i == 0) return {};
  for (size_t k = chunks.size(); k-- > 0;) {
    if (chunks[k].range.end != i) continue;
    if (chunks[k].pronoun) return {};
    size_t begin = chunks[k].range.begin;
    while (k > 0 && chunks[k - 1].range.end + 1 == begin && s.IsWord(begin - 1, "of")) {
      begin = chunks[--k].range.begin;
    }
    // "a theologian and writer who": the article stands before the first of the two.
    if (k > 0 && s.Is(begin - 1, Tag::kConjunction) && chunks[k - 1].range.end + 1 == begin &&
        s.Is(begin, Tag::kNoun) && s.Is(chunks[k - 1].range.begin, Tag::kDeterminer)) {
      begin = chunks[k - 1].range.begin;
    }
    return {begin, i};
  }
  return {};
}

// A subject that reads as one noun phrase.
bool Plausible(const Sentence& s, Range subject) {
  if (subject.empty() || subject.size() > kLongestSubject) return false;
  int brackets = 0, quotes = 0;
  for (size_t i = subject.begin; i < subject.end; ++i) {
    const Tag tag = s[i].tag;
    if (tag == Tag::kStop || tag == Tag::kSubordinator) return false;
    if (Finite(s, i)) return false;
    brackets += tag == Tag::kOpen;
    brackets -= tag == Tag::kClose;
    quotes += tag == Tag::kQuote;
  }
  const Tag first = s[subject.begin].tag, last = s[subject.end - 1].tag;
  if (first == Tag::kPreposition || first == Tag::kConjunction || first == Tag::kComma ||
      first == Tag::kTo || first == Tag::kGerund || first == Tag::kParticiple) {
    return false;
  }
  if (last == Tag::kPreposition || last == Tag::kConjunction || last == Tag::kComma ||
      last == Tag::kDeterminer || last == Tag::kTo) {
    return false;
  }
  return brackets == 0 && quotes % 2 == 0;
}

}  // namespace

std::vector<Clause> FindClauses(const Sentence& s, const std::vector<Chunk>& chunks) {
  std::vector<Clause> clauses;
  if (s.size() < 4 || s.IsWord(s.size() - 1, "?")) return clauses;
  // "Distribute modified versions": an order has no subject.
  if (!s.Is(0, Tag::kProper) && IsVerbBase(s[0].lower) &&
      (s.Is(1, Tag::kDeterminer) || s.Is(1, Tag::kPossessive) || s.Is(1, Tag::kAdjective) ||
       s.Is(1, Tag::kPronoun) || s.Is(1, Tag::kParticiple) || s[1].lower == "no" ||
       (s[1].lower.size() > 3 && s[1].lower.substr(s[1].lower.size() - 2) == "ed"))) {
    return clauses;
  }
  size_t end = s.size();
  while (end > 0 && (s.Is(end - 1, Tag::kStop) || s.Is(end - 1, Tag::kQuote))) --end;
  std::vector<Group> groups;
  for (size_t i = 1; i < end; ++i) {
    if (!Finite(s, i) || InBrackets(s, i) || s.Is(i - 1, Tag::kTo)) continue;
    groups.push_back(ReadGroup(s, i));
    i = groups.back().verbs.end - 1;
  }
  std::vector<size_t> starts(groups.size(), 0);  // where each clause's territory begins
  Range last_subject;
  size_t main_floor = 0;  // end of the last verb group that is no relative clause's
  for (size_t g = 0; g < groups.size(); ++g) {
    const Group& group = groups[g];
    Clause clause;
    clause.verbs = group.verbs;
    clause.verb = group.verb;
    clause.form = group.form;
    clause.auxiliary = group.auxiliary;
    const size_t floor = g == 0 ? 0 : groups[g - 1].verbs.end;
    size_t before = group.verbs.begin;
    while (before > floor && s.Is(before - 1, Tag::kAdverb)) --before;
    starts[g] = before;
    if (before == floor && g > 0) {
      starts[g] = floor;
      continue;
    }
    if (before == 0) continue;
    const Word& last = s[before - 1];
    if (last.tag == Tag::kSubordinator &&
        (last.lower == "which" || last.lower == "who" || last.lower == "that")) {
      clause.relative = true;
      clause.subject = Antecedent(s, chunks, before - 1);
      starts[g] = before - 1;
    } else if (last.tag == Tag::kConjunction) {
      clause.shared = true;
      // "is stored and shipped": the second participle has lost its auxiliary.
      const bool participle = g > 0 && groups[g - 1].form == Clause::Form::kPassive &&
                              s.Is(group.verb, Tag::kPast) && !group.auxiliary;
      if (!participle) clause.subject = last_subject;
      starts[g] = before - 1;
      if (starts[g] > 0 && s.Is(starts[g] - 1, Tag::kComma)) --starts[g];
    } else {
      // The region between the nearest boundary and the verb.
      size_t from = before;
      const bool comma_right_before = last.tag == Tag::kComma;
      // "ordered the massacre, enslaved the rest and …": a list of predicates.
      if (comma_right_before && g > 0 && before == group.verbs.begin && !last_subject.empty() &&
          s.Is(group.verb, Tag::kPast) && s.Is(groups[g - 1].verb, Tag::kPast) &&
          clauses.size() > 0 && !clauses.back().relative) {
        clause.shared = true;
        clause.subject = last_subject;
        starts[g] = before - 1;
        clauses.push_back(clause);
        continue;
      }
      if (comma_right_before) --from;
      while (from > floor && !Boundary(s, from - 1) &&
             !(s.Is(from - 1, Tag::kConjunction) && from >= 2 && s.Is(from - 2, Tag::kComma))) {
        --from;
      }
      if (comma_right_before) {
        // "Lortie (born …), a leading theologian, became": the subject stands before the aside.
        from = main_floor;
        // "establishments, found in Japan": a participle, as its clause has had its verb.
        bool new_clause = main_floor == 0;
        for (size_t k = main_floor; k < before; ++k) {
          new_clause |= s.Is(k, Tag::kStop) || s.Is(k, Tag::kConjunction);
        }
        if (!new_clause) {
          starts[g] = before - 1;
          continue;
        }
        while (from < before && (s.Is(from, Tag::kConjunction) || Boundary(s, from))) ++from;
        const Chunk* first = ChunkFrom(chunks, from, before);
        if (first != nullptr && first->range.begin == from) {
          clause.subject = Extended(s, chunks, IndexOf(chunks, first));
          if (clause.subject.end > before) clause.subject = first->range;
        }
      } else {
        if (from > 0 && s.Is(from - 1, Tag::kSubordinator)) clause.subordinate = true;
        if (s.Is(from, Tag::kConjunction)) ++from;
        // "chloroplasts wear out and species must": after a verb of its own the region before the
        // conjunction belongs to that verb.
        if (g > 0 && from == floor) {
          for (size_t k = before; k > from; --k) {
            if (!s.Is(k - 1, Tag::kConjunction)) continue;
            if (k < before) from = k;
            break;
          }
        }
        while (from < before && s.Is(from, Tag::kAdverb) && !s.Is(from + 1, Tag::kAdjective))
          ++from;
        clause.subject = {from, before};
        // "the people they conquered": a relative clause without its pronoun.
        if (last.tag == Tag::kPronoun && before - from > 1 && before >= 2 &&
            (s.Is(before - 2, Tag::kNoun) || s.Is(before - 2, Tag::kProper))) {
          clause.subject = {before - 1, before};
          clause.subordinate = true;
        }
        // A leading adjunct without a comma: "In 1990 the king".
        if (s.Is(from, Tag::kPreposition)) {
          const Chunk* object = ChunkFrom(chunks, from + 1, before);
          while (object != nullptr &&
                 (s.IsWord(object->range.end, "of") || s.IsWord(object->range.end, "in"))) {
            const Chunk* next = ChunkFrom(chunks, object->range.end + 1, before);
            if (next == nullptr || next->range.begin != object->range.end + 1) break;
            object = next;
          }
          if (object != nullptr) {
            const Chunk* subject = ChunkFrom(chunks, object->range.end, before);
            const bool apart = subject != nullptr && subject->range.begin == object->range.end;
            clause.subject = apart ? Range{subject->range.begin, before} : Range{};
            if (apart) clause.lead = {from, object->range.end};
          }
        }
        // A list before a comma belongs to the subject: "Britain, Germany and France issued".
        const Chunk* first = ChunkFrom(chunks, floor, before);
        if (first != nullptr && !clause.subordinate) {
          const Range whole = Extended(s, chunks, IndexOf(chunks, first));
          if (whole.end == before && whole.begin < clause.subject.begin) clause.subject = whole;
        }
      }
      starts[g] = clause.subject.empty() || comma_right_before ? before : clause.subject.begin;
      while (starts[g] > floor &&
             (s.Is(starts[g] - 1, Tag::kAdverb) || s.Is(starts[g] - 1, Tag::kSubordinator))) {
        --starts[g];
      }
      // A leading adjunct with its comma: "In 1805, …".
      if (starts[g] > floor && s.Is(starts[g] - 1, Tag::kComma) && clause.lead.empty()) {
        size_t lead = starts[g] - 1;
        while (lead > floor && !Boundary(s, lead - 1)) --lead;
        // Not what ends the clause before: "…, from the male parent, transgenes cannot".
        const bool fits =
            !clause.subordinate && (lead == 0 || s.Is(lead - 1, Tag::kComma) ||
                                    s.Is(lead - 1, Tag::kStop) || s.Is(lead, Tag::kConjunction));
        if (fits && s.Is(lead, Tag::kConjunction)) ++lead;
        if (fits && s.Is(lead, Tag::kPreposition) && lead < starts[g] - 1) {
          clause.lead = {lead, starts[g] - 1};
          starts[g] = lead;
        }
      }
      if (starts[g] > floor && s.Is(starts[g] - 1, Tag::kConjunction)) --starts[g];
      if (starts[g] > floor && s.Is(starts[g] - 1, Tag::kComma)) --starts[g];
    }
    if (!clause.relative) main_floor = group.verbs.end;
    // "… and defended position": an adjective rather than a second predicate.
    const size_t object = group.verbs.end;
    const bool adjective = clause.shared && !group.auxiliary && s.Is(object, Tag::kNoun) &&
                           !LooksPlural(s[object].lower);
    if (adjective || !Plausible(s, clause.subject)) {
      if (!clause.relative && !clause.subordinate) last_subject = {};
      continue;
    }
    if (!clause.relative && !clause.subordinate) last_subject = clause.subject;
    clauses.push_back(clause);
  }
  for (Clause& clause : clauses) {
    size_t until = end;
    for (size_t g = 0; g < groups.size(); ++g) {
      if (groups[g].verbs.begin <= clause.verbs.begin) continue;
      // "showed that water is formed of …": the complement clause belongs to the rest.
      size_t start = std::max(starts[g], clause.verbs.end);
      const bool complement =
          start == clause.verbs.end &&
          (s.IsWord(start, "that") || s.IsWord(start, "where") || s.IsWord(start, "how") ||
           s.IsWord(start, "what") || s.IsWord(start, "why") || s.IsWord(start, "whether"));
      if (complement) {
        until = g + 1 < groups.size() ? std::max(starts[g + 1], groups[g].verbs.end) : end;
        break;
      }
      until = start;
      while (until > clause.verbs.end &&
             (s.Is(until - 1, Tag::kComma) || s.Is(until - 1, Tag::kPreposition))) {
        --until;
      }
      break;
    }
    for (size_t i = clause.verbs.end; i < until; ++i) {
      if (s.Is(i, Tag::kStop)) until = i;
    }
    while (until > clause.verbs.end &&
           (s.Is(until - 1, Tag::kComma) || s.Is(until - 1, Tag::kConjunction) ||
            s.Is(until - 1, Tag::kSubordinator) || s.Is(until - 1, Tag::kStop))) {
      --until;
    }
    // ", based" of a phrase that was cut off.
    if (until > clause.verbs.end + 1 && s.Is(until - 2, Tag::kComma) &&
        (s.Is(until - 1, Tag::kParticiple) || s.Is(until - 1, Tag::kPast) ||
         s.Is(until - 1, Tag::kAdverb) || s.Is(until - 1, Tag::kGerund))) {
      until -= 2;
    }
    clause.rest = {clause.verbs.end, until};
  }
  return clauses;
}

}  // namespace foundry::teacher::extractive
