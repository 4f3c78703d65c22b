// Which prompts begin alike: their common beginnings are computed once.
// Thread-safe (no state). Internal to common/lm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace foundry::lm {

// Tokens [begin, end) of a prompt, which all requests below share; they follow the parent's.
struct PrefixNode {
  int64_t parent = -1;  // index of an earlier node
  size_t request = 0;   // a request whose prompt holds the tokens
  int64_t begin = 0, end = 0;
  int64_t users = 0;  // requests and nodes right below
};

struct PrefixPlan {
  std::vector<PrefixNode> nodes;
  std::vector<int64_t> leaf;  // by request: its node, or -1
  std::vector<size_t> order;  // requests, those that share most next to each other

  // Tokens of a request's prompt that its nodes cover.
  int64_t Covered(size_t request) const { return leaf[request] < 0 ? 0 : nodes[leaf[request]].end; }
};

// Beginnings of at least `min_tokens` more tokens than the node above become nodes. The last token
// of a prompt is never covered: its logits are wanted.
PrefixPlan PlanPrefixes(absl::Span<const absl::Span<const int32_t>> prompts, int64_t min_tokens);

}  // namespace foundry::lm
