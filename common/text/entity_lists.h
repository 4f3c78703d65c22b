// Items of a list are of one kind: "Harlan Ellison, Forrest Ackerman and Kent Brewster".
// Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "common/text/entities.h"

namespace foundry::text {

// Gives `untyped` names of the sentence the type of their neighbours in a list and moves those into
// `entities`, which are sorted and stay so. Two or three words need one person beside them, other
// names of at most two words the same type on both sides.
void TypeByNeighbours(const std::vector<std::string>& tokens, std::vector<TaggedEntity> untyped,
                      std::vector<TaggedEntity>* entities);

}  // namespace foundry::text
