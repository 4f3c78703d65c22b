// Function words of the languages that Foundry knows. Thread-safe (read-only after first use).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace foundry::text {

// Language code → words, most telling first.
const std::map<std::string, std::vector<std::string>>& AllStopwords();

// The words of one language; English for codes that are not known. `folded_word` is lower case.
bool IsStopword(absl::string_view folded_word, absl::string_view language);

}  // namespace foundry::text
