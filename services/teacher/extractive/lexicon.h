// Word knowledge of the English rules: closed classes, verbs and their forms, typed nouns.
//
// Small on purpose: suffixes and context (tagger.h) decide what is not listed. All look-ups take
// lower-case words. Thread-safe: tables are built once.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace foundry::teacher::extractive {

// Closed classes.
bool IsDeterminer(absl::string_view word);  // the, a, this, every, …
bool IsPossessive(absl::string_view word);  // his, their, …
bool IsPronoun(absl::string_view word);     // he, them, itself, …
bool IsPreposition(absl::string_view word);
bool IsSubordinator(absl::string_view word);  // because, although, when, …
bool IsModal(absl::string_view word);
bool IsBe(absl::string_view word);
bool IsHave(absl::string_view word);
bool IsDo(absl::string_view word);
bool IsAdverb(absl::string_view word);     // those without -ly
bool IsAdjective(absl::string_view word);  // common ones that no suffix gives away
bool IsStopWord(absl::string_view word);   // carries no topic of its own

// Nouns by kind.
bool IsMonth(absl::string_view word);
bool IsWeekday(absl::string_view word);
bool IsNumberWord(absl::string_view word);   // two, dozen, million, …
bool IsOrdinalWord(absl::string_view word);  // first, nineteenth, …
bool IsUnit(absl::string_view word);         // percent, km, years, …
bool IsTimeNoun(absl::string_view word);     // year, century, war's end: what "when" asks for
bool IsPersonNoun(absl::string_view word);   // king, scientist, astronauts, …
bool IsPersonTitle(absl::string_view word);  // mr, pope, president: stands before a name
bool IsFirstName(absl::string_view word);
bool IsPlaceNoun(absl::string_view word);  // city, island, river, …
bool IsGroupNoun(absl::string_view word);  // army, company, university, …

// Verbs. Base() gives the infinitive of a form, or "" when the word is no form of a known verb.
bool IsVerbBase(absl::string_view word);
std::string BaseOf(absl::string_view word);                  // of any form: went -> go, uses -> use
bool IsIrregularPast(absl::string_view word);                // went, wrote, led
bool IsIrregularParticiple(absl::string_view word);          // gone, written, led
std::string ThirdPerson(absl::string_view base);             // carry -> carries
std::string PastOfParticiple(absl::string_view participle);  // written -> wrote; built -> built

// Forms of nouns: best guesses.
bool LooksPlural(absl::string_view word);

}  // namespace foundry::teacher::extractive
