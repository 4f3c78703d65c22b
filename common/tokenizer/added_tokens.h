// Added and special tokens: found in the text before anything else looks at it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/json.h"

namespace foundry::tokenizer {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false, single_word = false, lstrip = false, rstrip = false, normalized = false;
};

absl::StatusOr<std::vector<AddedToken>> ReadAddedTokens(const Json& list);

// A part of the text: a token's id, or text between tokens (id < 0).
struct Segment {
  absl::string_view text;
  int32_t id = -1;
};

// Finds the leftmost-longest occurrences of a set of tokens. Thread-safe: immutable after Add.
class TokenFinder {
 public:
  void Add(const AddedToken& token);
  // Appends the parts of `text` in order; special tokens only count with `special`.
  void Split(absl::string_view text, bool special, std::vector<Segment>* out) const;

 private:
  struct Node {
    absl::flat_hash_map<unsigned char, int32_t> next;
    int32_t token = -1;  // index into tokens_
  };
  // Longest token at text[pos], or null.
  const AddedToken* Match(absl::string_view text, size_t pos, bool special) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_ = std::vector<Node>(1);
};

}  // namespace foundry::tokenizer
