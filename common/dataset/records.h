// The records that flow between stages. Field names in JSON are the member names.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/json.h"

namespace foundry::dataset {

// Half-open range of bytes in a document's `text`.
struct Span {
  int64_t begin = 0;
  int64_t end = 0;
};

struct Section {
  std::string heading;  // "" before the first heading
  int level = 0;        // 1: top
  Span span;
};

struct Entity {
  std::string text;
  std::string type;  // person, organization, location
  int64_t count = 0;
};

// One document. `text` is normalised UTF-8 (NFC, LF, no control characters); sections, paragraphs
// and sentences are spans of it, in order.
struct Document {
  std::string id;   // stable: from the source's name and, inside a file, the record's number
  std::string url;  // where it came from: file name, address, CVE page
  std::string title;
  std::string text;
  std::string content;  // what a reader reads: text without headings and page furniture
  std::string summary;
  std::vector<Entity> entities;
  std::vector<std::string> keywords;
  Json metadata = Json::object();  // kind, author, pages, language, created, sha256, …
  std::vector<Section> sections;
  std::vector<Span> paragraphs;
  std::vector<Span> sentences;
};

// What became of one input file or row.
struct Outcome {
  std::string source;  // path, path#row
  std::string status;  // ok, duplicate, refused, failed, filtered
  std::string
      reason;  // machine-readable: encrypted, malformed, timeout, memory, no_text, near_duplicate…
  std::string message;  // for people, with what to do
  int64_t pages = 0;
  int64_t scanned_pages = 0;
  int64_t documents = 0;
  double seconds = 0;
};

struct PairSource {
  std::string document;  // Document::id
  Span span;             // of the document's text; empty: not known
  std::string passage;   // the text itself: pairs stay usable without the documents
};

// One question and answer. An empty target is filled by the ensemble before training.
struct Pair {
  std::string id;  // hash of document, input, target
  std::string input;
  std::string target;
  std::string
      type;  // factual, conceptual, application, analysis, cloze, definition, continuation, …
  std::string level;  // document, section, paragraph, sentence
  PairSource source;
  std::string teacher;          // who wrote it
  std::string split = "train";  // train, dev, test
  std::string
      fact;  // group of pairs about one fact: the split keeps other wordings of trained facts
  std::string reasoning;             // why the answer holds; may be empty
  std::vector<std::string> related;  // ids or headings of related passages
  double weight = 1.0;
  std::map<std::string, double> scores;  // support, quality, …
};

// A question with human answers.
struct Question {
  std::string id;
  std::string question;
  std::vector<std::string> answers;
  std::string passage;   // id or text of the passage that answers it
  std::string document;  // title or id
  std::string type;
};

// JSON of a record, and back. FromJson's errors name the member.
Json ToJson(const Document& document);  // everything: a line of documents.jsonl
Json ToGuideJson(
    const Document& document);  // {url, text, content, summary, entities, keywords, metadata}
Json ToJson(const Outcome& outcome);
Json ToJson(const Pair& pair);
absl::StatusOr<Document> DocumentFromJson(const Json& json);  // accepts both shapes
absl::StatusOr<Pair> PairFromJson(const Json& json);          // accepts {input, target} alone
absl::StatusOr<Question> QuestionFromJson(const Json& json);

}  // namespace foundry::dataset
