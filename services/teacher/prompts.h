// What chat teachers are asked. One prompt for each question type and level; to add a question
// type, add its line to the table in prompts.cc. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "common/chat/chat_model.h"
#include "services/teacher/contexts.h"

namespace foundry::teacher {

// The types that the table knows: factual, conceptual, application, analysis.
std::vector<std::string> KnownQuestionTypes();

// Asks for `count` pairs of one type about a context, with reasoning and cross-references.
chat::ChatRequest PairsPrompt(const std::string& topic, const Context& context,
                              const std::string& type, int count);

// Asks for the answer to `question`; `passage` may be empty.
chat::ChatRequest AnswerPrompt(const std::string& question, const std::string& passage);

}  // namespace foundry::teacher
