// Finds the passage that a question is about: the context of a teacher that may look things up.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/dataset/records.h"
#include "services/evaluator/item.h"

namespace foundry::evaluator {

// Paragraphs of documents, ranked for a question with BM25 (Robertson & Zaragoza 2009; k1 = 1.2,
// b = 0.75). Thread-safe: immutable.
class ContextIndex {
 public:
  explicit ContextIndex(const std::vector<dataset::Document>& documents);

  // The item's own passage where it is known, else the best paragraphs of its document, else of
  // all documents; at most `max_bytes`. Empty when nothing fits the question.
  std::string ContextFor(const Item& item, size_t max_bytes) const;

  // The sentence of that context that shares most with the question: what reading without any
  // model gives.
  std::string BestSentence(const Item& item) const;

 private:
  struct Paragraph {
    std::string text;
    std::string document, topic;
    std::map<std::string, int> words;
    int length = 0;
  };
  double Score(const Paragraph& paragraph, const std::vector<std::string>& question) const;

  std::vector<Paragraph> paragraphs_;
  std::map<std::string, int> frequency_;  // paragraphs that hold a word
  double mean_length_ = 1;
};

}  // namespace foundry::evaluator
