#include "common/text/language.h"

#include <algorithm>
#include <map>

#include "absl/container/flat_hash_map.h"
#include "common/text/stopwords.h"
#include "common/text/utf8.h"
#include "common/text/words.h"

namespace foundry::text {
namespace {

struct ScriptCounts {
  int64_t kana = 0, han = 0, hangul = 0, arabic = 0, hebrew = 0, greek = 0, thai = 0,
          devanagari = 0, cyrillic = 0, latin = 0;
};

ScriptCounts CountScripts(absl::string_view text) {
  ScriptCounts n;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = DecodeUtf8(text, &at);
    if (c < 0x80) {
      n.latin += IsLetter(c);
    } else if (c >= 0x3040 && c <= 0x30FF) {
      ++n.kana;
    } else if ((c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF)) {
      ++n.han;
    } else if (c >= 0xAC00 && c <= 0xD7AF) {
      ++n.hangul;
    } else if ((c >= 0x0600 && c <= 0x06FF) || (c >= 0xFB50 && c <= 0xFEFC)) {
      ++n.arabic;
    } else if (c >= 0x0590 && c <= 0x05FF) {
      ++n.hebrew;
    } else if (c >= 0x0370 && c <= 0x03FF) {
      ++n.greek;
    } else if (c >= 0x0E00 && c <= 0x0E7F) {
      ++n.thai;
    } else if (c >= 0x0900 && c <= 0x097F) {
      ++n.devanagari;
    } else if (c >= 0x0400 && c <= 0x04FF) {
      ++n.cyrillic;
    } else if (c < 0x0250) {
      n.latin += IsLetter(c);
    }
  }
  return n;
}

// A script that only one of our languages uses decides alone. An ideograph weighs as much as
// several letters of an alphabet.
std::string ByScript(const ScriptCounts& n) {
  const int64_t letters = n.kana + n.han + n.hangul + n.arabic + n.hebrew + n.greek + n.thai +
                          n.devanagari + n.cyrillic + n.latin;
  if (letters == 0) return "und";
  const auto leads = [&](int64_t count, int weight) { return count * weight * 2 > letters; };
  if (leads(n.kana + n.han, 3)) return n.kana * 20 > n.kana + n.han ? "ja" : "zh";
  if (leads(n.hangul, 2)) return "ko";
  if (leads(n.arabic, 1)) return "ar";
  if (leads(n.hebrew, 1)) return "he";
  if (leads(n.greek, 1)) return "el";
  if (leads(n.thai, 1)) return "th";
  if (leads(n.devanagari, 1)) return "hi";
  return "";
}

// Word → languages that have it as a function word.
const absl::flat_hash_map<std::string, std::vector<std::string>>& Index() {
  static const auto* index = [] {
    auto* out = new absl::flat_hash_map<std::string, std::vector<std::string>>();
    for (const auto& [code, words] : AllStopwords()) {
      for (const std::string& word : words) (*out)[word].push_back(code);
    }
    return out;
  }();
  return *index;
}

}  // namespace

LanguageGuess GuessLanguage(absl::string_view text) {
  text = Utf8Prefix(text, 20000);
  if (const std::string code = ByScript(CountScripts(text)); !code.empty()) {
    return {code, code == "und" ? 0.0 : 1.0};
  }
  std::map<std::string, double> votes;
  int64_t words = 0;
  for (const std::string& word : FoldedWords(text)) {
    ++words;
    const auto it = Index().find(word);
    if (it == Index().end()) continue;
    // A word of several languages counts for each, but less: it tells them apart worse.
    for (const std::string& code : it->second) votes[code] += 1.0 / it->second.size();
  }
  std::string best = "und";
  double first = 0, second = 0;
  for (const auto& [code, score] : votes) {
    if (score > first) {
      second = first;
      first = score;
      best = code;
    } else {
      second = std::max(second, score);
    }
  }
  // Below one function word in fifty the text is a list, code or a language of another profile.
  if (first < 1 || first * 50 < static_cast<double>(words)) return {"und", 0};
  return {best, (first - second) / first};
}

}  // namespace foundry::text
