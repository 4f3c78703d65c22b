#include "common/text/stopwords.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_split.h"
#include "common/text/embedded_data.h"

namespace foundry::text {

const std::map<std::string, std::vector<std::string>>& AllStopwords() {
  static const auto* all = [] {
    auto* out = new std::map<std::string, std::vector<std::string>>();
    for (absl::string_view line : absl::StrSplit(kStopwordsTxt, '\n', absl::SkipEmpty())) {
      if (line.front() == '#') continue;
      const std::pair<absl::string_view, absl::string_view> parts =
          absl::StrSplit(line, absl::MaxSplits(": ", 1));
      (*out)[std::string(parts.first)] = absl::StrSplit(parts.second, ' ', absl::SkipEmpty());
    }
    return out;
  }();
  return *all;
}

bool IsStopword(absl::string_view folded_word, absl::string_view language) {
  using Set = absl::flat_hash_set<std::string>;
  static const auto* sets = [] {
    auto* out = new absl::flat_hash_map<std::string, Set>();
    for (const auto& [code, words] : AllStopwords()) (*out)[code] = Set(words.begin(), words.end());
    return out;
  }();
  auto it = sets->find(language);
  if (it == sets->end()) it = sets->find("en");
  return it->second.contains(folded_word);
}

}  // namespace foundry::text
