// Ids and splits of pairs: functions of the content alone, so that every run and every shard
// agrees.
#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/dataset/io.h"

namespace foundry::dataset {
namespace {

// One wording in kHeldOutModulus goes to dev and one to test, as long as the fact keeps at least
// kLeastTrained wordings for training: what is held out asks for something that was taught.
constexpr uint64_t kHeldOutModulus = 16;
constexpr size_t kLeastTrained = 2;
constexpr size_t kFewestHeldOut = 40;  // a smaller share than 1/40 says nothing

uint64_t HashOf(const std::string& text) {
  uint64_t value = 0;
  (void)absl::SimpleHexAtoi(Sha256Hex(text).substr(0, 16), &value);
  return value;
}

std::string FactOf(const Pair& pair) {
  if (!pair.fact.empty()) return absl::StrCat(pair.source.document, "\n", pair.fact);
  return absl::StrCat(pair.source.document, "\n", pair.source.passage, "\n",
                      pair.source.span.begin);
}

// Splits the wordings of one fact, leaving at least `least_trained` to train.
void SplitFact(std::vector<Pair*>& wordings, size_t least_trained) {
  size_t trained = wordings.size();
  for (Pair* pair : wordings) {
    const uint64_t bucket = HashOf(pair->input) % kHeldOutModulus;
    pair->split = "train";
    if (bucket > 1 || trained <= least_trained) continue;
    pair->split = bucket == 0 ? "dev" : "test";
    --trained;
  }
  // The same question must not be trained under another answer and asked as unseen.
  for (Pair* pair : wordings) {
    const bool held_out = std::any_of(wordings.begin(), wordings.end(), [&](const Pair* other) {
      return other->split != "train" && other->input == pair->input;
    });
    if (held_out && pair->split == "train") {
      pair->split = HashOf(pair->input) % kHeldOutModulus == 0 ? "dev" : "test";
    }
  }
}

}  // namespace

bool MayBeHeldOut(const std::string& input) { return HashOf(input) % kHeldOutModulus <= 1; }

void AssignIds(std::vector<Pair>& pairs) {
  for (Pair& pair : pairs) {
    if (!pair.id.empty()) continue;
    pair.id = Sha256Hex(absl::StrCat(pair.source.document, "\n", pair.input, "\n", pair.target))
                  .substr(0, 16);
  }
}

void AssignSplits(std::vector<Pair>& pairs) {
  std::map<std::string, std::vector<Pair*>> facts;
  for (Pair& pair : pairs) facts[FactOf(pair)].push_back(&pair);
  // A set may hold few facts of enough wordings: then facts keep fewer for training, and at last
  // something untaught is asked rather than nothing at all.
  for (size_t least_trained : {kLeastTrained, size_t{1}, size_t{0}}) {
    size_t dev = 0, test = 0;
    for (auto& [fact, wordings] : facts) {
      SplitFact(wordings, least_trained);
      for (const Pair* pair : wordings) {
        dev += pair->split == "dev";
        test += pair->split == "test";
      }
    }
    const size_t enough = std::max<size_t>(1, pairs.size() / kFewestHeldOut);
    if (dev >= enough && test >= enough) return;
  }
}

}  // namespace foundry::dataset
