// What a document says of its own names: "Aisby is a village", "Caloi, a bicycle maker", "Benny
// Boynton (born 1944)", "the band Van Canto". The pattern of definitions and appositions after
// Hearst, "Automatic acquisition of hyponyms from large text corpora" (COLING 1992). Thread-safe
// (no state).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"

namespace foundry::text {

// Name (tokens joined by one space) → type → how often it is said.
using DefinedNames = absl::flat_hash_map<std::string, std::map<std::string, int>>;

// `sentences` as for TagEntities.
DefinedNames FindDefinedNames(absl::Span<const std::vector<std::string>> sentences);

// The type of what a common noun names: "village" is a location, "bands" are organizations; "": it
// names neither.
std::string TypeOfNoun(const std::string& noun);

}  // namespace foundry::text
