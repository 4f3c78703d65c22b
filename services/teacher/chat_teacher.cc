#include "services/teacher/chat_teacher.h"

#include <algorithm>
#include <deque>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/dataset/prompt.h"
#include "common/dataset/topics.h"
#include "services/teacher/contexts.h"
#include "services/teacher/parse_reply.h"
#include "services/teacher/prompts.h"

namespace foundry::teacher {
namespace {

constexpr int kPairsPerPrompt = 4;
constexpr size_t kBytesPerToken = 4;
constexpr int kReplyTokens = 600;      // left free of the context window for the reply
constexpr size_t kBytesPerPair = 120;  // of text, when the number of pairs is left to us
constexpr int kMostPairs = 400;        // of one document, then

struct Question {
  const dataset::Document* document;
  Context context;
  std::string topic, type;
  int count = 1;
  int attempt = 1;
  uint64_t seed = 0;
};

uint64_t SeedOf(uint64_t seed, uint64_t a, uint64_t b) {
  return seed * 0x9e3779b97f4a7c15ull + a * 0xbf58476d1ce4e5b9ull + b * 0x94d049bb133111ebull;
}

// Prompts for about `wanted` pairs of one document: rounds over levels × types, each taking the
// next context of its level.
std::vector<Question> PlanQuestions(const dataset::Document& document, int wanted,
                                    const TeacherOptions& options, uint64_t seed) {
  const size_t window = std::max<size_t>(
      400, (std::max(options.context_window - kReplyTokens, 128)) * kBytesPerToken / 2);
  struct Course {
    std::vector<Context> contexts;
    std::string type;
    size_t next = 0;
  };
  std::vector<Course> courses;
  for (const std::string& level : options.levels) {
    const std::vector<Context> contexts = ContextsOf(document, level, window);
    if (contexts.empty()) continue;
    for (const std::string& type : options.question_types) courses.push_back({contexts, type, 0});
  }
  std::vector<Question> questions;
  const std::string topic = dataset::TopicOf(document);
  int planned = 0;
  // Contexts may be asked about more than once: other seeds give other questions.
  for (size_t c = 0; planned < wanted && !courses.empty(); ++c) {
    Course& course = courses[c % courses.size()];
    Question question;
    question.document = &document;
    question.context = course.contexts[course.next++ % course.contexts.size()];
    question.topic = topic;
    question.type = course.type;
    question.count =
        question.context.level == "sentence" ? 1 : std::min(kPairsPerPrompt, wanted - planned);
    question.seed = SeedOf(seed, c, 0);
    planned += question.count;
    questions.push_back(std::move(question));
  }
  return questions;
}

dataset::Pair MakePair(const Question& question, const ParsedPair& parsed,
                       const std::string& teacher, double weight) {
  dataset::Pair pair;
  pair.input = dataset::ClosedBookPrompt(question.topic, parsed.question);
  pair.target = parsed.answer;
  pair.type = question.type;
  pair.level = question.context.level;
  pair.teacher = teacher;
  pair.reasoning = parsed.reasoning;
  pair.related = question.context.related;
  pair.weight = weight;
  pair.source.document = question.document->id;
  pair.source.span = question.context.span;
  pair.source.passage = question.context.text;
  for (const std::string& text : question.context.related_text) {
    absl::StrAppend(&pair.source.passage, "\n\n", text);
  }
  pair.fact = absl::StrCat(question.context.level, ":", question.context.span.begin);
  return pair;
}

}  // namespace

absl::StatusOr<Generated> AskChatTeachers(const std::vector<dataset::Document>& documents,
                                          const TeacherOptions& options, const Teachers& teachers,
                                          const Hooks& hooks) {
  Generated out;
  double total_weight = 0;
  for (const chat::Member& member : teachers.chat) total_weight += member.weight;
  for (size_t m = 0; m < teachers.chat.size(); ++m) {
    const chat::Member& member = teachers.chat[m];
    std::deque<Question> waiting;
    for (size_t d = 0; d < documents.size(); ++d) {
      const int all =
          options.pairs_per_document > 0
              ? options.pairs_per_document
              : std::clamp<int>(documents[d].text.size() / kBytesPerPair, 8, kMostPairs);
      const int share = std::max(1, static_cast<int>(all * member.weight / total_weight + 0.5));
      for (Question& question :
           PlanQuestions(documents[d], share, options, SeedOf(options.seed, m, d))) {
        waiting.push_back(std::move(question));
      }
    }
    const double planned = static_cast<double>(waiting.size());
    double finished = 0;
    bool any_reply = false;
    while (!waiting.empty()) {
      FOUNDRY_RETURN_IF_ERROR(hooks.cancel.Check());
      std::vector<Question> batch;
      std::vector<chat::ChatRequest> requests;
      while (!waiting.empty() && static_cast<int>(batch.size()) < std::max(1, options.batch_size)) {
        batch.push_back(std::move(waiting.front()));
        waiting.pop_front();
        const Question& question = batch.back();
        chat::ChatRequest request =
            PairsPrompt(question.topic, question.context, question.type, question.count);
        // A reply that did not parse at temperature 0 would only come again.
        request.temperature =
            std::max(member.temperature, question.attempt > 1 ? 0.5 : member.temperature);
        request.top_p = 0.95;
        request.seed = SeedOf(question.seed, question.attempt, 1);
        requests.push_back(std::move(request));
      }
      chat::CompleteOptions complete;
      complete.cancel = hooks.cancel;
      FOUNDRY_ASSIGN_OR_RETURN(const auto replies, member.model->Complete(requests, complete));
      absl::Status failure;
      for (size_t i = 0; i < batch.size(); ++i) {
        if (!replies[i].ok()) {
          ++out.counts["failed_requests"];
          if (failure.ok()) failure = replies[i].status();
          ++finished;
          continue;
        }
        any_reply = true;
        out.counts["cut_replies"] += replies[i]->truncated;
        const std::vector<ParsedPair> parsed = ParseReply(replies[i]->text, replies[i]->truncated);
        if (parsed.empty()) {
          if (batch[i].attempt < options.max_attempts) {
            ++out.counts["retried_replies"];
            ++batch[i].attempt;
            waiting.push_back(std::move(batch[i]));
          } else {
            ++out.counts["unparsed_replies"];
            ++finished;
          }
          continue;
        }
        ++finished;
        for (const ParsedPair& one : parsed) {
          out.pairs.push_back(MakePair(batch[i], one, member.model->name(), member.weight));
        }
      }
      if (!failure.ok() && !any_reply) {
        return absl::Status(failure.code(),
                            absl::StrCat("no request was answered: ", failure.message()));
      }
      if (!failure.ok() && out.warnings.empty()) {
        out.warnings.push_back(
            absl::StrCat("some requests failed, the first with: ", failure.message()));
      }
      if (hooks.on_progress) {
        hooks.on_progress(finished, planned,
                          absl::StrCat("prompts answered by ", member.model->name()));
      }
    }
  }
  return out;
}

}  // namespace foundry::teacher
