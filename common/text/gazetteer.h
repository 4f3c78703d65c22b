// Known names and the words that mark names. Thread-safe (read-only after first use).
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace foundry::text {

struct Gazetteer {
  using Set = absl::flat_hash_set<std::string>;
  Set first_names;
  Set person_titles;  // "Dr", "Prime Minister"
  Set org_words;      // "Inc", "University"
  Set loc_words;      // "River", "Province"
  Set not_names;      // capitalised at a sentence's start, or no name at all
  Set demonyms;       // "Danish"
  Set not_surnames;   // "Cup": no person's name ends so
  Set noble_titles;   // titles that are part of the name: "King"
  // Common nouns by what they name: "novelist", "newspaper", "village".
  Set person_nouns, org_nouns, loc_nouns;
  // Names of several words, by their tokens joined with one space → "location" or "organization".
  absl::flat_hash_map<std::string, std::string> names;
  int longest_name = 1;  // tokens

  static const Gazetteer& Get();
};

}  // namespace foundry::text
