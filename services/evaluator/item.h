// Questions as the evaluator asks them, whatever file they came from.
#pragma once

#include <string>
#include <vector>

namespace foundry::evaluator {

enum class TaskKind {
  kHeldOut,  // other wordings of trained facts: the generated pairs' own test split
  kQa,       // questions with human answers
  kCommand,  // shell commands from descriptions
  kDomain,   // the user's own tests
};

struct Item {
  std::string id;  // unique inside its data set
  TaskKind kind = TaskKind::kQa;
  std::string question;
  std::string topic;                      // what the document is called; empty: not known
  std::string document;                   // id or title, for the error analysis
  std::string type;                       // who, when, factual, …
  std::string passage;                    // text, or a document's id; empty: not known
  std::vector<std::string> golds;         // right answers; the best one counts
  std::vector<std::string> must_contain;  // kDomain: all of them stand in a right answer
  std::string matches;                    // kDomain: regular expression that finds a right answer
};

struct TestSet {
  std::string name;
  TaskKind kind = TaskKind::kQa;
  std::vector<Item> items;
  int64_t available = 0;  // before max_samples
};

// heldout, qa, commands, domain: in files.
const char* KindName(TaskKind kind);
TaskKind KindFromName(const std::string& name);  // kQa for anything unknown

// The metric that a data set's headline shows.
const char* PrimaryMetric(TaskKind kind);

// What the model is asked, closed-book.
std::string PromptOf(const Item& item);

}  // namespace foundry::evaluator
