#include "services/teacher/prompts.h"

#include "absl/strings/str_cat.h"

namespace foundry::teacher {
namespace {

struct TypePrompt {
  const char* type;
  const char* instruction;
};

constexpr TypePrompt kTypes[] = {
    {"factual",
     "Ask for single facts: who, what, when, where, how many, which. Answer in one short "
     "sentence."},
    {"conceptual",
     "Ask what terms and ideas mean, how they differ and how they relate. Answer in one or two "
     "sentences."},
    {"application",
     "Ask how something in the text is done or used, and what to do in a concrete case that the "
     "text covers. Answer in one or two sentences."},
    {"analysis",
     "Ask why something happened or holds, what follows from it, and how several statements of the "
     "text fit together. Answer in one to three sentences."},
};

const char* LevelPhrase(const std::string& level) {
  if (level == "document") return "the document as a whole";
  if (level == "section") return "the section";
  if (level == "sentence") return "the sentence";
  return "the passage";
}

constexpr char kSystem[] =
    "You write questions and answers for teaching a text to someone who will not have it at hand. "
    "Every answer must be supported by the text. Every question must be understood without seeing "
    "the text: name people and things, never write \"the text\" or \"the passage\".";

}  // namespace

std::vector<std::string> KnownQuestionTypes() {
  std::vector<std::string> types;
  for (const TypePrompt& prompt : kTypes) types.push_back(prompt.type);
  return types;
}

chat::ChatRequest PairsPrompt(const std::string& topic, const Context& context,
                              const std::string& type, int count) {
  const char* instruction = kTypes[0].instruction;
  for (const TypePrompt& prompt : kTypes) {
    if (type == prompt.type) instruction = prompt.instruction;
  }
  std::string user = absl::StrCat("Topic: ", topic, "\n");
  if (!context.heading.empty()) absl::StrAppend(&user, "Section: ", context.heading, "\n");
  absl::StrAppend(&user, "\nText:\n", context.text, "\n");
  for (size_t i = 0; i < context.related.size(); ++i) {
    absl::StrAppend(&user, "\nRelated passage (", context.related[i], "):\n",
                    context.related_text[i], "\n");
  }
  absl::StrAppend(
      &user, "\nWrite ", count, count == 1 ? " question" : " different questions", " about ",
      LevelPhrase(context.level), ". ", instruction,
      context.related.empty() ? ""
                              : " Where a related passage bears on the answer, use it and name it.",
      "\nUse exactly this form:\n"
      "Question 1: …\nAnswer 1: …\nReasoning 1: … (the words of the text that show it)\n");
  chat::ChatRequest request = chat::MakeRequest(kSystem, std::move(user));
  request.max_tokens = 120 * count + 60;
  return request;
}

chat::ChatRequest AnswerPrompt(const std::string& question, const std::string& passage) {
  std::string user;
  if (!passage.empty()) absl::StrAppend(&user, "Text:\n", passage, "\n\n");
  absl::StrAppend(&user, passage.empty() ? "" : "Answer from the text, in one or two sentences.\n",
                  "Question: ", question);
  chat::ChatRequest request =
      chat::MakeRequest("You answer questions truthfully and briefly.", std::move(user));
  request.max_tokens = 160;
  return request;
}

}  // namespace foundry::teacher
