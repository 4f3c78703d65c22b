// Ids and splits of pairs: functions of the content alone, so that every run and every shard
// agrees.
#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/hash.h"
#include "common/dataset/io.h"
#include "common/dataset/prompt.h"

namespace foundry::dataset {
namespace {

// One wording in kHeldOutModulus goes to dev (bucket 0) and one to test (bucket 1), as long as the
// fact keeps at least kLeastTrained wordings for training: what is held out asks for something that
// was taught. The dev split of a small set takes further buckets until it is large enough.
constexpr uint64_t kHeldOutModulus = 16;
constexpr uint64_t kDev = 0, kTest = 1, kLastHeldOut = 3;
constexpr size_t kLeastTrained = 2;
constexpr size_t kFewestHeldOut = 40;  // a smaller share than 1/40 says nothing
constexpr size_t kEnoughDev = 64;      // fewer cannot tell a gain of ten points from chance
constexpr uint64_t kProbeModulus = 4;

uint64_t HashOf(const std::string& text) {
  uint64_t value = 0;
  (void)absl::SimpleHexAtoi(Sha256Hex(text).substr(0, 16), &value);
  return value;
}

uint64_t BucketOf(const Pair& pair) { return HashOf(pair.input) % kHeldOutModulus; }

std::string FactOf(const Pair& pair) {
  if (!pair.fact.empty()) return absl::StrCat(pair.source.document, "\n", pair.fact);
  return absl::StrCat(pair.source.document, "\n", pair.source.passage, "\n",
                      pair.source.span.begin);
}

using Facts = std::map<std::string, std::vector<Pair*>>;

// Splits the wordings of one fact, leaving at least `least_trained` to train.
void SplitFact(std::vector<Pair*>& wordings, size_t least_trained) {
  size_t trained = wordings.size();
  for (Pair* pair : wordings) {
    const uint64_t bucket = BucketOf(*pair);
    pair->split = "train";
    if (bucket > kTest || trained <= least_trained) continue;
    pair->split = bucket == kDev ? "dev" : "test";
    --trained;
  }
}

// Holds wordings of one more bucket out for dev; the number of them.
size_t HoldOutMore(Facts& facts, uint64_t bucket) {
  size_t held_out = 0;
  for (auto& [fact, wordings] : facts) {
    size_t trained = std::count_if(wordings.begin(), wordings.end(),
                                   [](const Pair* pair) { return pair->split == "train"; });
    for (Pair* pair : wordings) {
      if (trained <= kLeastTrained) break;
      if (pair->split != "train" || BucketOf(*pair) != bucket) continue;
      pair->split = "dev";
      --trained;
      ++held_out;
    }
  }
  return held_out;
}

// The same question must not be trained, under another answer or for another fact, and asked as
// unseen.
void HoldTogether(std::vector<Pair>& pairs) {
  std::map<std::string, std::string> split_of;
  for (const Pair& pair : pairs) {
    std::string& split = split_of[QuestionKey(pair)];
    if (pair.split == "test" || split.empty() || split == "train") split = pair.split;
  }
  for (Pair& pair : pairs) pair.split = split_of[QuestionKey(pair)];
}

std::string Words(absl::string_view text) {
  std::string words, word;
  const auto flush = [&] {
    if (!word.empty() && word != "a" && word != "an" && word != "the")
      absl::StrAppend(&words, word, " ");
    word.clear();
  };
  for (const char c : text) {
    // "C" is not "C++", and a blank to fill stands where it stands.
    if (absl::ascii_isalnum(c) || (c & 0x80) != 0 || c == '_' || c == '+' || c == '#') {
      word += absl::ascii_tolower(c);
    } else {
      flush();
    }
  }
  flush();
  return words;
}

}  // namespace

std::string QuestionKey(const Pair& pair) {
  std::string topic = TopicName(pair.source.document);
  if (topic.empty()) topic = pair.source.document;
  absl::string_view question = absl::StripAsciiWhitespace(pair.input);
  if (absl::ConsumePrefix(&question, "Topic:")) {
    question = absl::StripLeadingAsciiWhitespace(question);
    // The topic may hold ". " itself, as in "St. Louis".
    if (!absl::ConsumePrefix(&question, absl::StrCat(topic, ". "))) {
      const size_t end = question.find(". ");
      if (end != absl::string_view::npos) question.remove_prefix(end + 2);
    }
  }
  return absl::StrCat(Words(topic), "\n", Words(question));
}

bool MayBeHeldOut(const std::string& input) {
  return HashOf(input) % kHeldOutModulus <= kLastHeldOut;
}

bool MayBeProbed(const std::string& input) {
  return HashOf(absl::StrCat("probe\n", input)) % kProbeModulus == 0;
}

void AssignIds(std::vector<Pair>& pairs) {
  for (Pair& pair : pairs) {
    if (!pair.id.empty()) continue;
    pair.id = Sha256Hex(absl::StrCat(pair.source.document, "\n", pair.input, "\n", pair.target))
                  .substr(0, 16);
  }
}

void AssignSplits(std::vector<Pair>& pairs) {
  Facts facts;
  for (Pair& pair : pairs) facts[FactOf(pair)].push_back(&pair);
  size_t dev = 0;
  // A set may hold few facts of enough wordings: then facts keep fewer for training, and at last
  // something untaught is asked rather than nothing at all.
  for (size_t least_trained : {kLeastTrained, size_t{1}, size_t{0}}) {
    size_t test = 0;
    dev = 0;
    for (auto& [fact, wordings] : facts) {
      SplitFact(wordings, least_trained);
      for (const Pair* pair : wordings) {
        dev += pair->split == "dev";
        test += pair->split == "test";
      }
    }
    const size_t enough = std::max<size_t>(1, pairs.size() / kFewestHeldOut);
    if (dev >= enough && test >= enough) break;
  }
  for (uint64_t bucket = kTest + 1; bucket <= kLastHeldOut && dev < kEnoughDev; ++bucket) {
    dev += HoldOutMore(facts, bucket);
  }
  HoldTogether(pairs);
}

}  // namespace foundry::dataset
