#include "common/text/gazetteer.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "common/text/embedded_data.h"

namespace foundry::text {
namespace {

void AddName(absl::string_view name, const std::string& type, Gazetteer* out) {
  out->names[std::string(name)] = type;
  const int tokens = 1 + static_cast<int>(std::count(name.begin(), name.end(), ' '));
  out->longest_name = std::max(out->longest_name, tokens);
}

Gazetteer Load() {
  Gazetteer out;
  const absl::flat_hash_map<std::string, Gazetteer::Set*> sets = {
      {"first_names", &out.first_names},   {"person_titles", &out.person_titles},
      {"org_words", &out.org_words},       {"loc_words", &out.loc_words},
      {"not_names", &out.not_names},       {"demonyms", &out.demonyms},
      {"not_surnames", &out.not_surnames}, {"noble_titles", &out.noble_titles},
      {"person_nouns", &out.person_nouns}, {"org_nouns", &out.org_nouns},
      {"loc_nouns", &out.loc_nouns}};
  std::string section;
  for (absl::string_view line : absl::StrSplit(kGazetteerTxt, '\n', absl::SkipEmpty())) {
    if (line.front() == '#') continue;
    if (line.front() == '[') {
      section = std::string(line.substr(1, line.size() - 2));
      continue;
    }
    for (absl::string_view entry : absl::StrSplit(line, '|', absl::SkipEmpty())) {
      if (section == "countries" || section == "places") {
        AddName(entry, "location", &out);
      } else if (section == "organizations") {
        AddName(entry, "organization", &out);
      } else if (const auto it = sets.find(section); it != sets.end()) {
        it->second->insert(std::string(entry));
      }
    }
  }
  return out;
}

}  // namespace

const Gazetteer& Gazetteer::Get() {
  static const auto* gazetteer = new Gazetteer(Load());
  return *gazetteer;
}

}  // namespace foundry::text
