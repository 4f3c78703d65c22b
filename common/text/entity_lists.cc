#include "common/text/entity_lists.h"

#include <algorithm>

namespace foundry::text {
namespace {

bool Joins(const std::vector<std::string>& tokens, int at, bool ampersand) {
  if (at < 0 || at >= static_cast<int>(tokens.size())) return false;
  return tokens[at] == "," || tokens[at] == "and" || (ampersand && tokens[at] == "&");
}

// The type of the entity on the other side of the comma, the "and" or the ", and" at `at`; empty:
// there is none.
std::string Beside(const std::vector<std::string>& tokens, int at, bool forward,
                   const std::vector<TaggedEntity>& entities) {
  if (!Joins(tokens, at, true)) return "";
  const int step = forward ? 1 : -1;
  if (Joins(tokens, at + step, false)) at += step;
  for (const TaggedEntity& entity : entities) {
    if (forward ? entity.begin == at + 1 : entity.end == at) return entity.type;
  }
  return "";
}

std::string TypeOf(int length, const std::string& before, const std::string& after) {
  if (before == after && length <= 2) return before;
  const bool one_sided = before.empty() || after.empty() || before == after;
  const std::string& side = before.empty() ? after : before;
  return one_sided && side == "person" && (length == 2 || length == 3) ? side : "";
}

}  // namespace

void TypeByNeighbours(const std::vector<std::string>& tokens, std::vector<TaggedEntity> untyped,
                      std::vector<TaggedEntity>* entities) {
  for (bool any = true; any;) {
    any = false;
    for (auto it = untyped.begin(); it != untyped.end();) {
      it->type = TypeOf(it->end - it->begin, Beside(tokens, it->begin - 1, false, *entities),
                        Beside(tokens, it->end, true, *entities));
      if (it->type.empty()) {
        ++it;
        continue;
      }
      const auto place = std::find_if(entities->begin(), entities->end(),
                                      [&](const TaggedEntity& e) { return e.begin > it->begin; });
      entities->insert(place, *it);
      it = untyped.erase(it);
      any = true;
    }
  }
}

}  // namespace foundry::text
