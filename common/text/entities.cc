#include "common/text/entities.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "common/text/entity_clues.h"
#include "common/text/entity_lists.h"
#include "common/text/entity_tokens.h"
#include "common/text/gazetteer.h"
#include "common/text/normalize.h"
#include "common/text/utf8.h"

namespace foundry::text {
namespace {

using Tokens = std::vector<std::string>;
using Set = absl::flat_hash_set<std::string>;

constexpr char kPerson[] = "person";
constexpr char kOrganization[] = "organization";
constexpr char kLocation[] = "location";

bool StartsUpper(absl::string_view token) {
  if (token.empty()) return false;
  size_t at = 0;
  return IsUpper(DecodeUtf8(token, &at));
}

bool HasLower(absl::string_view token) {
  for (size_t at = 0; at < token.size();) {
    if (IsLower(DecodeUtf8(token, &at))) return true;
  }
  return false;
}

bool IsInitial(absl::string_view token) {
  return token.size() == 2 && absl::ascii_isupper(token[0]) && token[1] == '.';
}

// "NATO", "U.N.": two to six capitals.
bool IsAcronym(absl::string_view token) {
  int capitals = 0;
  for (const char c : token) {
    if (absl::ascii_isupper(c)) {
      ++capitals;
    } else if (c != '.' && c != '&') {
      return false;
    }
  }
  return capitals >= 2 && capitals <= 6;
}

std::string WithoutStop(absl::string_view token) {
  if (!token.empty() && token.back() == '.') token.remove_suffix(1);
  return std::string(token);
}

bool In(const Set& set, absl::string_view token) {
  return set.contains(token) || set.contains(WithoutStop(token));
}

bool OneOf(absl::string_view token, std::initializer_list<absl::string_view> words) {
  return std::find(words.begin(), words.end(), token) != words.end();
}

// What the whole document says: capitalised words inside sentences, and the names found so far.
struct Memory {
  absl::flat_hash_map<std::string, int> inner_capitals, lower;
  absl::flat_hash_map<std::string, std::map<std::string, int>> types;  // name → type → count
  Set surnames;
  DefinedNames defined;  // what it says outright
};

class SentenceTagger {
 public:
  SentenceTagger(const Tokens& tokens, const Memory& memory)
      : names_(Gazetteer::Get()),
        tokens_(tokens),
        memory_(memory),
        n_(static_cast<int>(tokens.size())) {
    int words = 0, capitals = 0;
    for (const std::string& token : tokens_) {
      words += !token.empty() && (StartsUpper(token) || HasLower(token));
      capitals += StartsUpper(token);
    }
    // Headlines and listings: capitals mean nothing there, only known names do.
    title_case_ = words >= 4 && capitals * 10 >= words * 8;
  }

  std::vector<TaggedEntity> Tag() {
    int i = 0;
    while (i < n_) {
      if (!Candidate(i)) {
        ++i;
        continue;
      }
      const int end = SequenceEnd(i);
      const size_t before = out_.size();
      TagSequence(i, end);
      if (out_.size() == before) untyped_.push_back({i, end, ""});
      // "songs of The Zutons", "members of The Open Group": a capital that no sentence asked for.
      if (At(i - 1) == "The" && !SentenceStart(i - 1) && !title_case_) {
        if (out_.size() == before && IsPlural(At(end - 1))) {
          Add(i - 1, end, kOrganization);
        } else if (out_.size() > before && out_[before].begin == i && end - i > 1 &&
                   out_[before].type == kOrganization) {
          --out_[before].begin;
        }
      }
      i = end;
    }
    if (!title_case_) {
      std::erase_if(untyped_, [this](const TaggedEntity& e) { return !NameLike(e); });
      TypeByNeighbours(tokens_, std::move(untyped_), &out_);
    }
    return std::move(out_);
  }

 private:
  const std::string& At(int i) const {
    static const std::string* none = new std::string();
    return i >= 0 && i < n_ ? tokens_[i] : *none;
  }

  bool Candidate(int i) const {
    const std::string& token = At(i);
    if (token == "al-Qaeda" || token == "al-Qaida") return true;
    if (!StartsUpper(token)) return false;
    if (In(names_.not_names, token) && !IsInitial(token)) return NameAt(i).first > 1;
    if (SentenceStart(i)) {
      // The first word has a capital anyway: it needs another witness.
      if (NameAt(i).first > 0 || In(names_.first_names, token) || IsInitial(token)) return true;
      if (IsAcronym(token) || In(names_.person_titles, token)) return true;
      if (memory_.defined.contains(token)) return true;
      const std::string folded = FoldCase(token);
      const auto inner = memory_.inner_capitals.find(folded);
      const auto lower = memory_.lower.find(folded);
      if (lower != memory_.lower.end())
        return inner != memory_.inner_capitals.end() && inner->second > lower->second;
      return inner != memory_.inner_capitals.end() || StartsUpper(At(i + 1));
    }
    return true;
  }

  // Words that begin with a capital, none of them an ordinary one of this document or a known kind.
  bool NameLike(const TaggedEntity& entity) const {
    for (int i = entity.begin; i < entity.end; ++i) {
      const std::string& token = At(i);
      if (!StartsUpper(token) || !HasLower(token) || In(names_.demonyms, token) ||
          In(names_.org_words, token) || In(names_.loc_words, token) ||
          In(names_.not_surnames, token) || memory_.lower.contains(FoldCase(token))) {
        return false;
      }
    }
    return true;
  }

  bool IsPlural(absl::string_view word) const {
    return word.size() > 4 && word.back() == 's' && word[word.size() - 2] != 's' &&
           HasLower(word) && !absl::StrContains(word, "-") &&
           !memory_.lower.contains(FoldCase(word));
  }

  bool SentenceStart(int i) const {
    return i == 0 || (i == 1 && OneOf(At(0), {"\"", "“", "'", "``", "(", "[", "•", "-"})) ||
           OneOf(At(i - 1), {"``", "“", ":"});
  }

  // Tokens and type of the longest known name that begins at `i`; 0 tokens: none.
  std::pair<int, std::string> NameAt(int i) const {
    std::string joined;
    std::pair<int, std::string> best{0, ""};
    for (int length = 1; length <= names_.longest_name && i + length <= n_; ++length) {
      if (length > 1) joined += ' ';
      joined += At(i + length - 1);
      const auto it = names_.names.find(joined);
      if (it != names_.names.end()) best = {length, it->second};
    }
    return best;
  }

  // Capitalised tokens, joined by "of", "de", "van", "&" when a capital follows.
  int SequenceEnd(int begin) const {
    int i = begin + 1;
    while (i < n_) {
      const std::string& token = At(i);
      if (StartsUpper(token) && !(In(names_.not_names, token) && !IsInitial(token))) {
        ++i;
        continue;
      }
      if (OneOf(token, {"II", "III", "IV", "VI", "VII", "VIII"})) {
        ++i;
        continue;
      }
      const bool links =
          OneOf(token, {"of",  "de",  "von", "van", "der", "den", "da", "di", "du",  "del", "la",
                        "bin", "ibn", "al",  "el",  "and", "for", "&",  "Of", "the", "'s"});
      if (!links) break;
      int next = i + 1;
      while (next < n_ && OneOf(At(next), {"the", "la", "der", "den", "al", "of"})) ++next;
      if (next >= n_ || !StartsUpper(At(next)) || In(names_.not_names, At(next))) break;
      if (OneOf(token, {"and", "for", "the", "'s", "of"}) && !OrganizationHead(begin, i)) break;
      if (token == "for" && !TakesFor(At(i - 1))) break;
      i = next + 1;
    }
    return i;
  }

  // "Centre for …", but not "the League for …".
  static bool TakesFor(absl::string_view word) {
    return OneOf(
        word, {"Academy",   "Agency",     "Association", "Bank",         "Board",      "Bureau",
               "Campaign",  "Center",     "Centre",      "Coalition",    "Commission", "Committee",
               "Council",   "Department", "Foundation",  "Fund",         "Institute",  "Ministry",
               "Movement",  "Network",    "Office",      "Organization", "Party",      "School",
               "Secretary", "Society",    "Union"});
  }

  // "Department of", "Bank for", "Ministry of … and": the sequence so far names a kind of body.
  bool OrganizationHead(int begin, int end) const {
    if (OneOf(At(end), {"and", "'s"})) {
      bool linked = false;
      for (int i = begin; i < end; ++i) linked |= OneOf(At(i), {"of", "for"});
      return linked && In(names_.org_words, At(begin)) && At(end) == "and";
    }
    for (int i = begin; i < end; ++i) {
      if (In(names_.org_words, At(i))) return true;
      if (OneOf(At(i), {"Gulf",    "Bay",  "Isle",  "Strait", "Cape",     "Sea",    "Republic",
                        "Kingdom", "Lake", "Mount", "Duchy",  "Province", "County", "City",
                        "Bank",    "Duke", "Earl",  "Prince", "King",     "Queen"})) {
        return At(end) == "of";
      }
    }
    // "the Baseball Hall of Fame"
    if (At(end) == "of" && At(end - 1) == "Hall" && At(end + 1) == "Fame") return true;
    return false;
  }

  void Add(int begin, int end, const char* type) {
    if (begin < end) out_.push_back({begin, end, type});
  }

  // Splits a sequence at titles and known names, then types what remains.
  void TagSequence(int begin, int end) {
    const int title = TitleTokens(begin, end);
    if (title > 0) {
      if (begin + title < end && !In(names_.org_words, At(end - 1))) {
        TagPerson(
            In(names_.noble_titles, At(begin + title - 1)) ? begin + title - 1 : begin + title,
            end);
        return;
      }
      if (begin + title == end) return;
    }
    const bool body = std::any_of(tokens_.begin() + begin, tokens_.begin() + end,
                                  [&](const std::string& t) { return In(names_.org_words, t); });
    while (begin < end && In(names_.demonyms, At(begin)) && NameAt(begin).first == 0 &&
           end - begin > 1 && !body) {
      ++begin;
    }
    const auto [length, type] = NameAt(begin);
    if (length > 0 && begin + length <= end &&
        (begin + length == end || !ContinuesAsName(begin, length, end))) {
      Add(begin, begin + length, type == kLocation ? kLocation : kOrganization);
      if (begin + length < end) TagSequence(begin + length, end);
      return;
    }
    if (const char* type_of = TypeOf(begin, end)) Add(begin, end, type_of);
  }

  // "New York" + "Times": the longer sequence is another name.
  bool ContinuesAsName(int begin, int length, int end) const {
    for (int i = begin + length; i < end; ++i) {
      if (In(names_.org_words, At(i)) || In(names_.loc_words, At(i))) return true;
    }
    if (IsTeam(begin, end)) return true;
    return length == 1 && end - begin >= 2 && In(names_.first_names, At(begin)) &&
           !HasKnownName(begin + 1, end);
  }

  // "Montreal Crystals", "Boston FC": a place and a plural.
  bool IsTeam(int begin, int end) const {
    const int length = NameAt(begin).first;
    const std::string& last = At(end - 1);
    if (length == 0 || begin + length + 1 != end || NameAt(begin).second != kLocation) return false;
    if (OneOf(last,
              {"FC", "HC", "SC", "AFC", "RFC", "CC", "Rovers", "Wanderers", "City", "Albion"}))
      return last != "City";
    return last.size() > 4 && last.back() == 's' && last[last.size() - 2] != 's' &&
           HasLower(last) && !In(names_.not_surnames, last) && !In(names_.loc_words, last) &&
           !In(names_.demonyms, last);
  }

  bool HasKnownName(int begin, int end) const {
    for (int i = begin; i < end; ++i) {
      if (NameAt(i).first > 0) return true;
    }
    return false;
  }

  int TitleTokens(int begin, int end) const {
    int used = 0;
    while (begin + used < end) {
      const int left = end - begin - used;
      if (left >= 2 && In(names_.person_titles, At(begin + used) + " " + At(begin + used + 1))) {
        used += 2;
      } else if (In(names_.person_titles, At(begin + used))) {
        used += 1;
      } else {
        break;
      }
    }
    return used;
  }

  void TagPerson(int begin, int end) {
    int stop = begin;
    while (stop < end && !In(names_.org_words, At(stop)) &&
           !OneOf(At(stop), {"of", "and", "for", "'s"}))
      ++stop;
    Add(begin, stop, kPerson);
    if (stop + 1 < end && OneOf(At(stop), {"of", "and", "'s"})) TagSequence(stop + 1, end);
  }

  const char* TypeOf(int begin, int end) const {
    const int length = end - begin;
    const std::string& first = At(begin);
    const std::string& last = At(end - 1);
    if (const char* defined = Defined(begin, end)) return defined;
    if (In(names_.org_words, last) && length > 1) return kOrganization;
    if (length > 2 && last == "Fame") return kOrganization;
    if (length > 1 &&
        OneOf(first, {"FC", "AC", "SC", "AFC", "Hotel", "Radio", "Team", "Banco", "Universidad"}))
      return kOrganization;
    if (IsTeam(begin, end)) return kOrganization;
    if (In(names_.loc_words, last) && length > 1) return kLocation;
    if (length > 1 &&
        OneOf(first,
              {"Lake",     "Mount",    "Mt.",     "Cape",    "Fort",    "Port",  "Gulf",  "Isle",
               "Strait",   "San",      "Santa",   "Los",     "North",   "South", "East",  "West",
               "Northern", "Southern", "Eastern", "Western", "Central", "River", "County"})) {
      return title_case_ ? nullptr : kLocation;
    }
    if (length > 2) {
      for (int i = begin; i + 1 < end; ++i) {
        if (In(names_.org_words, At(i)) && OneOf(At(i + 1), {"of", "for"})) return kOrganization;
      }
    }
    if (length >= 2 && In(names_.not_surnames, last)) return nullptr;
    if (length >= 2 && length <= 4) {
      if (In(names_.first_names, first) || IsInitial(first))
        return title_case_ && length > 3 ? nullptr : kPerson;
      if (length >= 3 && IsInitial(At(begin + 1))) return kPerson;
      for (int i = begin + 1; i < end; ++i) {
        if (OneOf(At(i), {"bin", "ibn", "al", "von", "van", "Jr.", "Jr"})) return kPerson;
      }
    }
    if (title_case_) return nullptr;
    if (const char* known = FromMemory(begin, end)) return known;
    if (length == 1) return TypeOfSingle(begin);
    return ByContext(begin, end);
  }

  static const char* MostOften(const std::map<std::string, int>& types) {
    const auto best =
        std::max_element(types.begin(), types.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    return best->first == kPerson ? kPerson : best->first == kLocation ? kLocation : kOrganization;
  }

  const char* Defined(int begin, int end) const {
    const auto it =
        memory_.defined.find(absl::StrJoin(tokens_.begin() + begin, tokens_.begin() + end, " "));
    return it == memory_.defined.end() ? nullptr : MostOften(it->second);
  }

  const char* FromMemory(int begin, int end) const {
    std::string key = absl::StrJoin(tokens_.begin() + begin, tokens_.begin() + end, " ");
    const auto it = memory_.types.find(key);
    if (it != memory_.types.end()) return MostOften(it->second);
    return end - begin == 1 && memory_.surnames.contains(key) ? kPerson : nullptr;
  }

  const char* TypeOfSingle(int i) const {
    const std::string& token = At(i);
    if (In(names_.demonyms, token) || In(names_.person_titles, token) ||
        In(names_.org_words, token) || In(names_.loc_words, token)) {
      return nullptr;
    }
    if (token.size() < 2 || !HasLower(token)) {
      return IsAcronym(token) && token.size() >= 3 && !SentenceAllCapitals() ? kOrganization
                                                                             : nullptr;
    }
    // "to Harrison": a given name that a place bears too.
    const bool goes = OneOf(At(i - 1), {"to", "from", "in", "at", "near", "In", "From", "At"});
    if (In(names_.first_names, token)) return goes ? nullptr : kPerson;
    // "in Architecture" where the document also writes "architecture": a word, not a name.
    if (memory_.lower.contains(FoldCase(token)) || absl::StrContains(token, "-")) return nullptr;
    return ByContext(i, i + 1);
  }

  bool SentenceAllCapitals() const {
    return std::none_of(tokens_.begin(), tokens_.end(),
                        [](const std::string& t) { return HasLower(t); });
  }

  // The words around an unknown name.
  const char* ByContext(int begin, int end) const {
    const std::string before = absl::AsciiStrToLower(At(begin - 1));
    const std::string after = absl::AsciiStrToLower(At(end));
    const int length = end - begin;
    if (In(names_.person_titles, before)) return kPerson;
    // "the band Killing Joke", "a rock band, Eels", "the town of Bridgton"
    if (TypeOfNoun(before) == kOrganization) return kOrganization;
    if (before == "," && length <= 2 && TypeOfNoun(At(begin - 2)) == kOrganization &&
        OneOf(after, {".", ",", ")"}) && !OneOf(At(begin - 3), {"the", "and"})) {
      return kOrganization;
    }
    if (before == "of" && TypeOfNoun(At(begin - 2)) == kLocation && HasLower(At(begin - 2)))
      return kLocation;
    if (OneOf(after, {"said", "says", "told", "wrote", "died", "married", "argued", "added",
                      "explained", "himself", "herself", "replied", "stated", "tweeted", "retired",
                      "resigned", "testified", "sang"})) {
      return kPerson;
    }
    if (OneOf(after, {"band", "company", "corporation", "club", "firm", "newspaper", "label",
                      "airline"})) {
      return kOrganization;
    }
    if (OneOf(after, {"province", "city", "town", "village", "river", "region", "district",
                      "county", "island", "airport", "area", "peninsula"})) {
      return kLocation;
    }
    if (length <= 2 &&
        OneOf(before, {"in", "near", "around", "throughout", "outside", "toward", "towards"})) {
      return kLocation;
    }
    if (length <= 2 && OneOf(before, {"at", "to", "from"}) &&
        OneOf(after, {",", "in", "and", "."}) && At(end + 1).size() > 0 &&
        NameAt(end + 1).second == kLocation) {
      return kLocation;
    }
    // "Tikrit, Iraq"
    if (length <= 2 && after == "," && NameAt(end + 1).second == kLocation) return kLocation;
    if (length == 2 &&
        OneOf(before,
              {"by", "with", "and", ",", "", "of", "for", "to", "that", "when", "(", "as"}) &&
        HasLower(At(begin)) && HasLower(At(begin + 1)) && !In(names_.demonyms, At(begin)) &&
        (OneOf(after, {"was", "(", "is", "had", "has", "'s", "and", ","}) || before == "by")) {
      return kPerson;
    }
    return nullptr;
  }

  const Gazetteer& names_;
  const Tokens& tokens_;
  const Memory& memory_;
  const int n_;
  bool title_case_ = false;
  std::vector<TaggedEntity> out_;
  std::vector<TaggedEntity> untyped_;  // capitalised sequences that nothing types
};

Memory WordMemory(absl::Span<const Tokens> sentences) {
  Memory memory;
  for (const Tokens& tokens : sentences) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (StartsUpper(tokens[i])) {
        if (i > 0) ++memory.inner_capitals[FoldCase(tokens[i])];
      } else if (HasLower(tokens[i])) {
        ++memory.lower[FoldCase(tokens[i])];
      }
    }
  }
  return memory;
}

// Names of the first pass; surnames only of people with a full name.
void Learn(absl::Span<const Tokens> sentences, const std::vector<std::vector<TaggedEntity>>& tagged,
           Memory* memory) {
  for (size_t s = 0; s < sentences.size(); ++s) {
    for (const TaggedEntity& entity : tagged[s]) {
      const Tokens& tokens = sentences[s];
      const std::string name =
          absl::StrJoin(tokens.begin() + entity.begin, tokens.begin() + entity.end, " ");
      ++memory->types[name][entity.type];
      const std::string& last = tokens[entity.end - 1];
      if (entity.type == kPerson && entity.end - entity.begin >= 2 && HasLower(last) &&
          !Gazetteer::Get().names.contains(last)) {
        memory->surnames.insert(last);
      }
    }
  }
}

}  // namespace

std::vector<std::vector<TaggedEntity>> TagEntities(absl::Span<const Tokens> sentences) {
  Memory memory = WordMemory(sentences);
  memory.defined = FindDefinedNames(sentences);
  std::vector<std::vector<TaggedEntity>> tagged;
  for (int pass = 0; pass < 2; ++pass) {
    tagged.clear();
    for (const Tokens& tokens : sentences) tagged.push_back(SentenceTagger(tokens, memory).Tag());
    if (pass == 0) Learn(sentences, tagged, &memory);
  }
  return tagged;
}

std::vector<dataset::Entity> FindEntities(absl::string_view text,
                                          const std::vector<Span>& sentences) {
  std::vector<Tokens> tokens;
  std::vector<std::vector<Span>> spans;
  for (const Span& sentence : sentences) {
    const absl::string_view body = Slice(text, sentence);
    Tokens words;
    spans.push_back(EntityTokens(body));
    for (const Span& span : spans.back()) words.emplace_back(Slice(body, span));
    tokens.push_back(std::move(words));
  }
  const std::vector<std::vector<TaggedEntity>> tagged = TagEntities(tokens);
  std::vector<dataset::Entity> out;
  std::map<std::pair<std::string, std::string>, size_t> index;
  for (size_t s = 0; s < tagged.size(); ++s) {
    const absl::string_view body = Slice(text, sentences[s]);
    for (const TaggedEntity& entity : tagged[s]) {
      const Span whole{spans[s][entity.begin].begin, spans[s][entity.end - 1].end};
      const std::string name = OneLine(Slice(body, whole));
      const auto [it, added] = index.try_emplace({name, entity.type}, out.size());
      if (added) out.push_back({name, entity.type, 0});
      ++out[it->second].count;
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  return out;
}

}  // namespace foundry::text
