#include "services/teacher/filters.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/text/near_duplicates.h"
#include "common/text/sentences.h"
#include "common/text/stopwords.h"
#include "common/text/words.h"
#include "services/teacher/extractive/extractive.h"

namespace foundry::teacher {
namespace {

constexpr double kSameMeaning = 0.97;  // cosine
constexpr double kEntityWeight = 3;

// Words cut to a stem that survives inflection: "fragmented" and "fragmentation".
std::string Stem(const std::string& word) { return word.size() > 6 ? word.substr(0, 6) : word; }

bool IsExtractive(const dataset::Pair& pair) { return pair.teacher == extractive::kTeacherName; }

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) sum += a[i] * b[i];
  return sum;
}

bool Refusal(absl::string_view answer) {
  for (absl::string_view start :
       {"i cannot", "i can't", "i'm sorry", "i am sorry", "as an ai", "the passage does not",
        "the text does not", "the context does not", "there is no information", "not specified",
        "not mentioned"}) {
    if (absl::StartsWithIgnoreCase(answer, start)) return true;
  }
  const std::string lower = absl::AsciiStrToLower(answer);
  return absl::StrContains(lower, "is not mentioned in the") ||
         absl::StrContains(lower, "is not specified") ||
         absl::StrContains(lower, "not provided in the");
}

bool Malformed(const dataset::Pair& pair) {
  const std::vector<std::string> question = text::FoldedWords(pair.input);
  const std::vector<std::string> answer = text::FoldedWords(pair.target);
  return question.size() < 2 || answer.empty() || question == answer || answer.size() > 400;
}

// Cosine of each answer and the nearest sentence of its passage; -1 without a passage.
absl::StatusOr<std::vector<double>> Similarities(const std::vector<dataset::Pair>& pairs,
                                                 const EmbedFunction& embed) {
  std::vector<double> result(pairs.size(), -1);
  std::vector<std::string> texts;
  std::map<std::string, std::pair<size_t, size_t>> passages;  // rows of its sentences
  for (const dataset::Pair& pair : pairs) {
    const std::string& passage = pair.source.passage;
    if (passage.empty() || passages.count(passage) > 0) continue;
    const size_t first = texts.size();
    for (const text::Span& span : text::SplitSentences(passage)) {
      texts.push_back(std::string(text::Slice(passage, span)));
    }
    passages[passage] = {first, texts.size()};
  }
  const size_t answers = texts.size();
  for (const dataset::Pair& pair : pairs) texts.push_back(pair.target);
  FOUNDRY_ASSIGN_OR_RETURN(const auto rows, embed(texts));
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto it = passages.find(pairs[i].source.passage);
    if (it == passages.end()) continue;
    for (size_t r = it->second.first; r < it->second.second; ++r) {
      result[i] = std::max(result[i], Dot(rows[r], rows[answers + i]));
    }
  }
  return result;
}

}  // namespace

double SupportScore(absl::string_view question, absl::string_view answer, absl::string_view context,
                    double similarity) {
  std::set<std::string> known;
  for (absl::string_view text : {question, context}) {
    for (const std::string& word : text::FoldedWords(text)) known.insert(Stem(word));
  }
  double found = 0, total = 0;
  bool first = true;
  for (const text::Span& span : text::WordSpans(answer)) {
    const std::string written(text::Slice(answer, span));
    const std::vector<std::string> folded = text::FoldedWords(written);
    if (folded.empty()) continue;
    const std::string& word = folded[0];
    const bool entity = absl::ascii_isdigit(written[0]) ||
                        (!first && absl::ascii_isupper(written[0]) && written.size() > 1);
    first = false;
    if (!entity && (text::IsStopword(word, "en") || word.size() < 3)) continue;
    const double weight = entity ? kEntityWeight : 1;
    total += weight;
    if (known.count(Stem(word)) > 0) found += weight;
  }
  // "Yes." and other answers without content words are supported by nothing and contradicted by
  // nothing.
  const double lexical = total == 0 ? 0.5 : found / total;
  return similarity < 0 ? lexical : (lexical + std::clamp(similarity, 0.0, 1.0)) / 2;
}

absl::Status FilterSupported(double min_score, const EmbedFunction& embed,
                             std::vector<dataset::Pair>& pairs, Counts& counts) {
  std::vector<dataset::Pair> kept, judged;
  std::vector<dataset::Pair> in_order;
  in_order.swap(pairs);
  std::vector<double> similarities(in_order.size(), -1);
  if (embed) {
    std::vector<size_t> places;
    for (size_t i = 0; i < in_order.size(); ++i) {
      if (IsExtractive(in_order[i])) continue;
      judged.push_back(in_order[i]);
      places.push_back(i);
    }
    if (!judged.empty()) {
      FOUNDRY_ASSIGN_OR_RETURN(const auto values, Similarities(judged, embed));
      for (size_t i = 0; i < places.size(); ++i) similarities[places[i]] = values[i];
    }
  }
  for (size_t i = 0; i < in_order.size(); ++i) {
    dataset::Pair& pair = in_order[i];
    if (!IsExtractive(pair)) {
      if (Malformed(pair)) {
        ++counts["malformed"];
        continue;
      }
      if (Refusal(pair.target)) {
        ++counts["refused"];
        continue;
      }
      if (!pair.source.passage.empty()) {
        const double score =
            SupportScore(pair.input, pair.target, pair.source.passage, similarities[i]);
        pair.scores["support"] = score;
        if (score < min_score) {
          ++counts["unsupported"];
          continue;
        }
      }
    }
    kept.push_back(std::move(pair));
  }
  pairs = std::move(kept);
  return absl::OkStatus();
}

absl::Status FilterDuplicates(const EmbedFunction& embed, std::vector<dataset::Pair>& pairs,
                              Counts& counts) {
  text::NearDuplicateOptions near;
  near.threshold = 0.85;
  near.shingle_words = 3;
  std::map<std::string, text::NearDuplicates> by_document;
  std::set<std::string> seen;
  std::vector<std::vector<float>> rows(pairs.size());
  if (embed) {
    std::vector<std::string> texts;
    std::vector<size_t> places;
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (IsExtractive(pairs[i])) continue;
      texts.push_back(absl::StrCat(pairs[i].input, " ", pairs[i].target));
      places.push_back(i);
    }
    if (!texts.empty()) {
      FOUNDRY_ASSIGN_OR_RETURN(const auto values, embed(texts));
      for (size_t i = 0; i < places.size(); ++i) rows[places[i]] = values[i];
    }
  }
  std::map<std::string, std::vector<const std::vector<float>*>> kept_rows;
  std::vector<dataset::Pair> kept;
  for (size_t i = 0; i < pairs.size(); ++i) {
    dataset::Pair& pair = pairs[i];
    const std::string folded = absl::AsciiStrToLower(absl::StripAsciiWhitespace(pair.input));
    if (!seen.insert(absl::StrCat(pair.source.document, "\n", folded, "\n", pair.teacher)).second) {
      ++counts["duplicate"];
      continue;
    }
    if (!IsExtractive(pair)) {
      const std::string group = absl::StrCat(pair.source.document, "\n", pair.teacher);
      auto [it, fresh] = by_document.try_emplace(group, near);
      if (it->second.FindOrAdd(folded)) {
        ++counts["near_duplicate"];
        continue;
      }
      if (!rows[i].empty()) {
        auto& others = kept_rows[group];
        const bool same = std::any_of(others.begin(), others.end(), [&](const auto* other) {
          return Dot(*other, rows[i]) > kSameMeaning;
        });
        if (same) {
          ++counts["near_duplicate"];
          continue;
        }
        others.push_back(&rows[i]);
      }
    }
    kept.push_back(std::move(pair));
  }
  pairs = std::move(kept);
  return absl::OkStatus();
}

}  // namespace foundry::teacher
