#include "common/dataset/topics.h"

#include "common/dataset/prompt.h"

namespace foundry::dataset {

std::string TopicOf(const Document& document) {
  return FirstTopic({document.title, document.url, document.id});
}

Topics::Topics(const std::vector<Document>& documents) {
  for (const Document& document : documents) topics_[document.id] = TopicOf(document);
}

std::string Topics::Of(const std::string& document_id) const {
  const auto found = topics_.find(document_id);
  return found == topics_.end() ? TopicName(document_id) : found->second;
}

void WordClosedBook(const Topics& topics, std::vector<Pair>& pairs) {
  for (Pair& pair : pairs) {
    pair.input = ClosedBookPrompt(topics.Of(pair.source.document), pair.input);
  }
}

}  // namespace foundry::dataset
