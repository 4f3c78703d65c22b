// What tests write into a tokenizer.json. Thread-safe (no state).
#pragma once

#include <string>

#include "common/base/json.h"

namespace foundry::testing {

// An entry of added_tokens: a special token, matched exactly.
inline Json SpecialToken(const Json& id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

}  // namespace foundry::testing
