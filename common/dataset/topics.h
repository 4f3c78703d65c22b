// What documents are called in questions: one rule for whoever teaches, trains, asks and scores.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/dataset/records.h"

namespace foundry::dataset {

// By its title; without one by its address, else its id. "" when none of them says anything.
std::string TopicOf(const Document& document);

// The topics of a set of documents. Thread-safe.
class Topics {
 public:
  explicit Topics(const std::vector<Document>& documents = {});

  // Of the document with this id; one that is not in the set is named by the id itself.
  std::string Of(const std::string& document_id) const;

 private:
  std::map<std::string, std::string> topics_;
};

// Gives every pair the words in which it will be asked: its question names its document.
void WordClosedBook(const Topics& topics, std::vector<Pair>& pairs);

}  // namespace foundry::dataset
