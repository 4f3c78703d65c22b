#include "common/text/summary.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/text/normalize.h"
#include "common/text/stopwords.h"

namespace foundry::text {
namespace {

using SparseVector = std::vector<std::pair<int, float>>;  // sorted by word
using Matrix = std::vector<std::vector<float>>;

// Sentences that can stand in a summary: neither fragments nor page-long listings.
std::vector<int> Candidates(absl::string_view text, const std::vector<Span>& sentences, int most) {
  std::vector<int> out;
  for (int shortest : {6, 3, 1}) {
    for (size_t i = 0; i < sentences.size() && static_cast<int>(out.size()) < most; ++i) {
      const absl::string_view sentence = Slice(text, sentences[i]);
      const int words = static_cast<int>(WordSpans(sentence).size());
      const bool ends = !sentence.empty() && (absl::string_view(".!?\"')").find(sentence.back()) !=
                                                  absl::string_view::npos ||
                                              static_cast<unsigned char>(sentence.back()) >= 0x80);
      if (words >= shortest && (shortest < 6 || (ends && words <= 80)))
        out.push_back(static_cast<int>(i));
    }
    if (!out.empty()) return out;
  }
  return out;
}

std::vector<SparseVector> TfIdf(absl::string_view text, const std::vector<Span>& sentences,
                                const std::vector<int>& candidates, const std::string& language) {
  absl::flat_hash_map<std::string, int> ids;
  std::vector<int> sentences_with;
  std::vector<SparseVector> vectors;
  for (const int index : candidates) {
    absl::flat_hash_map<int, float> counts;
    for (const std::string& word : FoldedWords(Slice(text, sentences[index]))) {
      if (IsStopword(word, language)) continue;
      const auto [it, added] = ids.try_emplace(word, static_cast<int>(ids.size()));
      if (added) sentences_with.push_back(0);
      counts[it->second] += 1;
    }
    SparseVector vector(counts.begin(), counts.end());
    std::sort(vector.begin(), vector.end());
    for (const auto& [id, count] : vector) ++sentences_with[id];
    vectors.push_back(std::move(vector));
  }
  for (SparseVector& vector : vectors) {
    double norm = 0;
    for (auto& [id, value] : vector) {
      value *= static_cast<float>(
          std::log(1.0 + static_cast<double>(candidates.size()) / sentences_with[id]));
      norm += static_cast<double>(value) * value;
    }
    for (auto& [id, value] : vector) value /= static_cast<float>(std::sqrt(std::max(norm, 1e-12)));
  }
  return vectors;
}

float Dot(const SparseVector& a, const SparseVector& b) {
  float sum = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i].first == b[j].first) {
      sum += a[i++].second * b[j++].second;
    } else if (a[i].first < b[j].first) {
      ++i;
    } else {
      ++j;
    }
  }
  return sum;
}

float Dot(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += a[i] * b[i];
  return sum;
}

template <typename Vector>
Matrix Similarities(const std::vector<Vector>& vectors) {
  const size_t n = vectors.size();
  Matrix out(n, std::vector<float>(n, 0.0f));
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j)
      out[i][j] = out[j][i] = std::max(0.0f, Dot(vectors[i], vectors[j]));
  }
  return out;
}

// The stationary distribution of a random walk along similarities, with restarts that prefer early
// sentences. Scores sum to 1.
std::vector<double> Rank(const Matrix& similarities) {
  const size_t n = similarities.size();
  constexpr double kDamping = 0.85;
  std::vector<double> prior(n), degree(n, 0.0), rank(n, 1.0 / n);
  double total = 0;
  for (size_t i = 0; i < n; ++i) total += prior[i] = 1.0 / (1.0 + 0.25 * i);
  for (size_t i = 0; i < n; ++i) {
    prior[i] /= total;
    for (size_t j = 0; j < n; ++j) degree[i] += similarities[i][j];
  }
  for (int iteration = 0; iteration < 30; ++iteration) {
    std::vector<double> next(n, 0.0);
    double idle = 0;  // mass of sentences that are like no other
    for (size_t i = 0; i < n; ++i) {
      if (degree[i] <= 0) {
        idle += rank[i];
        continue;
      }
      for (size_t j = 0; j < n; ++j) next[j] += rank[i] * similarities[i][j] / degree[i];
    }
    for (size_t j = 0; j < n; ++j) {
      rank[j] = kDamping * (next[j] + idle * prior[j]) + (1.0 - kDamping) * prior[j];
    }
  }
  return rank;
}

std::vector<int> Choose(const std::vector<double>& rank, const Matrix& similarities, int count) {
  const int n = static_cast<int>(rank.size());
  const double most = *std::max_element(rank.begin(), rank.end());
  std::vector<int> chosen;
  std::vector<bool> taken(n, false);
  while (static_cast<int>(chosen.size()) < std::min(count, n)) {
    int best = -1;
    double best_score = 0;
    for (int i = 0; i < n; ++i) {
      if (taken[i]) continue;
      double repeats = 0;
      for (const int j : chosen)
        repeats = std::max(repeats, static_cast<double>(similarities[i][j]));
      const double score = 0.7 * rank[i] / most - 0.3 * repeats;
      if (best < 0 || score > best_score) best = i, best_score = score;
    }
    taken[best] = true;
    chosen.push_back(best);
  }
  return chosen;
}

}  // namespace

absl::StatusOr<std::vector<int>> SummarySentences(absl::string_view text,
                                                  const std::vector<Span>& sentences,
                                                  const SummaryOptions& options) {
  const std::vector<int> candidates = Candidates(text, sentences, options.most_candidates);
  if (candidates.empty() || options.sentences <= 0) return std::vector<int>();
  Matrix similarities;
  if (options.embed) {
    std::vector<std::string> texts;
    for (const int index : candidates) texts.push_back(OneLine(Slice(text, sentences[index])));
    FOUNDRY_ASSIGN_OR_RETURN(const Matrix vectors, options.embed(texts));
    if (vectors.size() != texts.size())
      return absl::InternalError("embedder: wrong number of vectors");
    similarities = Similarities(vectors);
  } else {
    similarities = Similarities(TfIdf(text, sentences, candidates, options.language));
  }
  std::vector<int> chosen = Choose(Rank(similarities), similarities, options.sentences);
  for (int& index : chosen) index = candidates[index];
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

absl::StatusOr<std::string> Summarize(absl::string_view text, const std::vector<Span>& sentences,
                                      const SummaryOptions& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<int> chosen,
                           SummarySentences(text, sentences, options));
  std::string out;
  for (const int index : chosen) {
    absl::StrAppend(&out, out.empty() ? "" : " ", OneLine(Slice(text, sentences[index])));
  }
  return out;
}

}  // namespace foundry::text
