#include "services/teacher/extractive/premise.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/lexicon.h"
#include "services/teacher/extractive/sentence_items.h"

namespace foundry::teacher::extractive {
namespace {

constexpr size_t kLongestSentence = 34;  // words

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

std::optional<Swap> FindSwap(const std::vector<SourceSentence>& all, size_t index,
                             uint64_t random) {
  const Sentence& s = all[index].parsed.sentence;
  for (size_t i = 1; i < s.size(); ++i) {
    if (!s.Is(i, Tag::kNumber)) continue;
    const std::string other = OtherNumber(s[i].text, random);
    if (!other.empty()) return Swap{{i, i + 1}, other};
  }
  for (const Chunk& chunk : all[index].parsed.chunks) {
    const Range name = NamePart(s, chunk);
    if (name.empty() || (chunk.kind != Kind::kPerson && chunk.kind != Kind::kPlace)) continue;
    std::vector<std::string> others;
    for (size_t k = 0; k < all.size(); ++k) {
      const Sentence& other = all[k].parsed.sentence;
      for (const Chunk& candidate : all[k].parsed.chunks) {
        const Range range = NamePart(other, candidate);
        if (range.empty() || candidate.kind != chunk.kind) continue;
        const std::string text = other.Text(range);
        // Neither a part of this sentence nor another form of the same name.
        if (absl::StrContains(s.text(), text) || absl::StrContains(text, s[name.end - 1].text))
          continue;
        others.push_back(text);
      }
    }
    if (others.empty()) continue;
    std::sort(others.begin(), others.end());
    others.erase(std::unique(others.begin(), others.end()), others.end());
    return Swap{name, others[random % others.size()]};
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
  std::vector<std::vector<Item>> items(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const Parsed& parsed = all[i].parsed;
    const Sentence& s = parsed.sentence;
    if (s.size() > kLongestSentence || parsed.clauses.empty() || absl::StrContains(s.text(), "?")) {
      continue;
    }
    const uint64_t random = Mix(seed ^ Mix(i));
    const std::optional<Swap> swap = FindSwap(all, i, random);
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
