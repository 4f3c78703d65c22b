#include "services/teacher/extractive/premise.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/lexicon.h"
#include "services/teacher/extractive/sentence_items.h"

namespace foundry::teacher::extractive {
namespace {

constexpr size_t kLongestSentence = 34;  // words
constexpr size_t kMostTries = 20;        // names tried for a swap

uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// A year some years off, or a plain number changed by a half; empty: not a number that can be
// changed safely.
std::string OtherNumber(const std::string& text, uint64_t random) {
  int value = 0;
  if (!absl::SimpleAtoi(text, &value) || text[0] == '0') return "";
  if (IsYear(text)) {
    const int off = 3 + static_cast<int>(random % 20);
    return absl::StrCat(random % 2 == 0 || value + off > 2020 ? value - off : value + off);
  }
  if (value < 2) return "";
  return absl::StrCat(value + std::max(1, value / 2));
}

// The name part of a chunk: "Jean de Bethencourt" of "the Norman noble Jean de Bethencourt".
Range NamePart(const Sentence& s, const Chunk& chunk) {
  if (!s.Is(chunk.head, Tag::kProper)) return {};
  Range range{chunk.head, chunk.head + 1};
  while (range.begin > chunk.range.begin && s.Is(range.begin - 1, Tag::kProper)) --range.begin;
  if (range.begin > chunk.range.begin && s.Is(range.begin - 1, Tag::kPreposition)) return {};
  return range;
}

struct Swap {
  Range range;
  std::string with;
};

// Names of the document by kind, sorted, each once.
using NamesByKind = std::map<Kind, std::vector<std::string>>;

NamesByKind CollectNames(const std::vector<SourceSentence>& all) {
  std::map<Kind, std::set<std::string>> sets;
  for (const SourceSentence& source : all) {
    for (const Chunk& chunk : source.parsed.chunks) {
      if (chunk.kind != Kind::kPerson && chunk.kind != Kind::kPlace) continue;
      const Range range = NamePart(source.parsed.sentence, chunk);
      if (!range.empty()) sets[chunk.kind].insert(source.parsed.sentence.Text(range));
    }
  }
  NamesByKind names;
  for (const auto& [kind, set] : sets) names[kind].assign(set.begin(), set.end());
  return names;
}

std::optional<Swap> FindSwap(const SourceSentence& source, const NamesByKind& names,
                             uint64_t random) {
  const Sentence& s = source.parsed.sentence;
  for (size_t i = 1; i < s.size(); ++i) {
    if (!s.Is(i, Tag::kNumber)) continue;
    const std::string other = OtherNumber(s[i].text, random);
    if (!other.empty()) return Swap{{i, i + 1}, other};
  }
  for (const Chunk& chunk : source.parsed.chunks) {
    const Range name = NamePart(s, chunk);
    const auto others = names.find(chunk.kind);
    if (name.empty() || others == names.end()) continue;
    const std::vector<std::string>& list = others->second;
    for (size_t k = 0; k < std::min(list.size(), kMostTries); ++k) {
      const std::string& other = list[(random + k) % list.size()];
      // Neither a part of this sentence nor another form of the same name.
      if (absl::StrContains(s.text(), other) || absl::StrContains(other, s[name.end - 1].text)) {
        continue;
      }
      return Swap{name, other};
    }
  }
  return std::nullopt;
}

// The sentence for the middle of a question, with `swap` applied.
std::string Claim(const Sentence& s, const Swap* swap) {
  const Range all{0, s.size()};
  std::string text;
  if (swap == nullptr) {
    text = s.Inner(all);
  } else {
    const Range before{0, swap->range.begin};
    const std::string tail = s.text().substr(s[swap->range.end - 1].end);
    const size_t gap = before.empty() ? 0 : s[swap->range.begin].begin - s[before.end - 1].end;
    text = absl::StrCat(s.Inner(before), std::string(gap, ' '), swap->with, tail);
  }
  while (!text.empty() && absl::StrContains(".;:,", text.back())) text.pop_back();
  return text;
}

}  // namespace

std::vector<std::vector<Item>> PremiseItems(const std::vector<SourceSentence>& all, uint64_t seed) {
  const NamesByKind names = CollectNames(all);
  std::vector<std::vector<Item>> items(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const Parsed& parsed = all[i].parsed;
    const Sentence& s = parsed.sentence;
    if (s.size() > kLongestSentence || parsed.clauses.empty() || absl::StrContains(s.text(), "?")) {
      continue;
    }
    const uint64_t random = Mix(seed ^ Mix(i));
    const std::optional<Swap> swap = FindSwap(all[i], names, random);
    if (!swap) continue;
    Item item;
    item.type = "false_premise";
    item.level = "sentence";
    item.fact = absl::StrCat("s", i, ":premise");
    item.span = all[i].span;
    item.reasoning = StatementOf(parsed);
    item.rank = 1.2;
    item.question = absl::StrCat("Is it true that ", Claim(s, &*swap), "?");
    item.target = absl::StrCat("No. ", StatementOf(parsed));
    items[i].push_back(item);
    item.rank = 1.25;
    item.question = absl::StrCat("Is it true that ", Claim(s, nullptr), "?");
    item.target = absl::StrCat("Yes. ", StatementOf(parsed));
    items[i].push_back(item);
  }
  return items;
}

}  // namespace foundry::teacher::extractive
