#include "services/trainer/mix.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/dataset/topics.h"
#include "common/text/sentences.h"
#include "services/teacher/extractive/extractive.h"

namespace foundry::trainer {
namespace {

using dataset::Document;
using dataset::Pair;

// In [0, 1), the same in every run and on every machine, and for all answers to one question.
double Draw(const std::string& question_key) {
  uint64_t value = 0;
  (void)absl::SimpleHexAtoi(Sha256Hex(question_key).substr(0, 12), &value);
  return static_cast<double>(value) / static_cast<double>(1ULL << 48);
}

constexpr size_t kShortestStatement = 25;  // bytes; below it lies furniture, not a fact

void AddStatements(const std::string& document, absl::string_view text, std::set<std::string>& seen,
                   std::vector<Pair>& out) {
  for (const auto& span : text::SplitSentences(text)) {
    Pair pair;
    pair.target = std::string(text.substr(span.begin, span.end - span.begin));
    if (pair.target.size() < kShortestStatement || !seen.insert(pair.target).second) continue;
    pair.input = "State a fact.";
    pair.type = "statement";
    pair.level = "sentence";
    pair.source.document = document;
    out.push_back(std::move(pair));
  }
}

}  // namespace

absl::StatusOr<Mix> MakeMix(const std::vector<Pair>& pairs, const MixOptions& options) {
  Mix mix;
  std::vector<Pair> identified = pairs;
  dataset::AssignIds(identified);
  std::vector<std::string> keys;
  for (Pair& pair : identified) {
    keys.push_back(dataset::QuestionKey(pair));
    if (pair.split.empty() && Draw(keys.back()) < options.validation_share) pair.split = "dev";
    if (pair.split == "dev" || pair.split == "test") mix.held_out.insert(keys.back());
  }
  for (size_t i = 0; i < identified.size(); ++i) {
    Pair& pair = identified[i];
    if (pair.split == "test") {
      ++mix.refused_test;
    } else if (absl::StripAsciiWhitespace(pair.target).empty()) {
      ++mix.empty_targets;
    } else if (pair.split == "dev") {
      mix.dev.push_back(std::move(pair));
    } else if (mix.held_out.count(keys[i]) > 0) {
      ++mix.held_out_questions;
    } else {
      mix.train.push_back(std::move(pair));
    }
  }
  if (options.max_samples > 0 && mix.train.size() > static_cast<size_t>(options.max_samples)) {
    std::mt19937_64 random(options.seed);
    std::shuffle(mix.train.begin(), mix.train.end(), random);
    mix.train.resize(options.max_samples);
  }
  if (mix.train.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no pair to train on: ", pairs.size(), " given, ", mix.refused_test, " of the test split, ",
        mix.empty_targets, " with an empty target, ", mix.dev.size(), " held out for validation, ",
        mix.held_out_questions, " of questions that are held out"));
  }
  return mix;
}

std::vector<Pair> PassageStatements(const std::vector<Pair>& pairs,
                                    const std::vector<Document>& documents) {
  std::vector<Pair> statements;
  std::set<std::string> seen;
  for (const Document& document : documents) {
    AddStatements(document.id, document.text, seen, statements);
  }
  for (const Pair& pair : pairs) {
    AddStatements(pair.source.document, pair.source.passage, seen, statements);
  }
  dataset::WordClosedBook(dataset::Topics(documents), statements);
  return statements;
}

std::vector<Pair> PassageItems(const std::vector<Pair>& pairs,
                               const std::vector<Document>& documents,
                               const std::set<std::string>& held_out, int64_t seed) {
  const dataset::Topics topics(documents);
  std::map<std::string, Document> behind;  // by id, with the passages as text
  std::set<std::string> taught, seen;
  for (const Pair& pair : pairs) {
    if (pair.teacher == teacher::extractive::kTeacherName) taught.insert(pair.source.document);
  }
  for (const Pair& pair : pairs) {
    if (pair.source.passage.empty() || taught.count(pair.source.document) > 0 ||
        !seen.insert(pair.source.passage).second) {
      continue;
    }
    Document& document = behind[pair.source.document];
    document.id = pair.source.document;
    document.title = topics.Of(document.id);
    absl::StrAppend(&document.text, document.text.empty() ? "" : "\n\n", pair.source.passage);
  }
  std::vector<Pair> items;
  for (const auto& [id, document] : behind) {
    for (Pair& item :
         teacher::extractive::ExtractPairs(document, {.seed = static_cast<uint64_t>(seed)})) {
      if (held_out.count(dataset::QuestionKey(item)) == 0) items.push_back(std::move(item));
    }
  }
  return items;
}

}  // namespace foundry::trainer
