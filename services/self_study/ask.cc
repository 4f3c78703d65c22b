#include "services/self_study/ask.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/dataset/prompt.h"
#include "common/text/utf8.h"
#include "services/evaluator/metrics/qa.h"

namespace foundry::self_study {
namespace {

// A teacher's answer counts when the text holds this share of its words.
constexpr double kSupport = 0.6;
// An answer passes with the right answer in it, or with this much in common with it.
constexpr double kPassF1 = 0.6;

using Replies = std::vector<absl::StatusOr<chat::ChatReply>>;

absl::StatusOr<Replies> Complete(chat::ChatModel& model, const std::vector<std::string>& prompts,
                                 int max_tokens, const AskOptions& options) {
  std::vector<chat::ChatRequest> requests;
  for (const std::string& prompt : prompts) {
    requests.push_back(chat::MakeRequest("", prompt));
    requests.back().max_tokens = max_tokens;
    requests.back().seed = options.seed;
  }
  if (requests.empty()) return Replies();
  chat::CompleteOptions complete;
  complete.cancel = options.cancel;
  return model.Complete(requests, complete);
}

void Judge(Asked& asked) {
  const std::string& target = asked.candidate.pair.target;
  const std::vector<std::string> golds =
      asked.teacher_answer == target ? std::vector<std::string>{target}
                                     : std::vector<std::string>{target, asked.teacher_answer};
  const evaluator::QaScores scores = evaluator::ScoreAnswer(asked.student_answer, golds);
  asked.quality = 0.5 * scores.contains + 0.5 * scores.f1;
  asked.passed = scores.contains == 1 || scores.f1 >= kPassF1;
}

absl::Status Verify(const StudyModels& models, const dataset::Document& document,
                    const AskOptions& options, std::vector<Asked>& asked) {
  for (Asked& one : asked) one.teacher_answer = one.candidate.pair.target;
  if (!options.verify_with_teacher || models.teacher == nullptr) return absl::OkStatus();
  std::vector<std::string> prompts, contexts;
  for (const Asked& one : asked) {
    contexts.push_back(ContextOf(document, one.candidate.pair, options.max_context_bytes));
    prompts.push_back(
        absl::StrCat("Read the text and answer the question in as few words as possible.\n\nText: ",
                     contexts.back(), "\n\nQuestion: ", one.candidate.prompt));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Replies replies,
                           Complete(*models.teacher, prompts, options.max_new_tokens, options));
  for (size_t i = 0; i < asked.size(); ++i) {
    if (!replies[i].ok()) continue;  // the source text stands in
    const std::string answer(absl::StripAsciiWhitespace(replies[i]->text));
    if (answer.empty()) continue;
    if (evaluator::TokenRecall(contexts[i], answer) < kSupport) {
      asked[i].teacher_overruled = true;
      continue;
    }
    asked[i].teacher_answer = answer;
  }
  return absl::OkStatus();
}

absl::Status Similarities(const EmbedTexts& embed, std::vector<Asked>& asked) {
  if (asked.empty()) return absl::OkStatus();
  if (embed == nullptr) {
    for (Asked& one : asked)
      one.similarity = evaluator::TokenF1(one.student_answer, one.teacher_answer);
    return absl::OkStatus();
  }
  std::vector<std::string> texts;
  for (const Asked& one : asked) {
    texts.push_back(one.student_answer);
    texts.push_back(one.teacher_answer);
  }
  FOUNDRY_ASSIGN_OR_RETURN(const lm::FloatMatrix rows, embed(texts));
  for (size_t i = 0; i < asked.size(); ++i) {
    double cosine = 0;
    for (int64_t k = 0; k < rows.cols; ++k) cosine += rows.row(2 * i)[k] * rows.row(2 * i + 1)[k];
    const bool empty = absl::StripAsciiWhitespace(asked[i].student_answer).empty();
    asked[i].similarity = empty ? 0 : std::clamp(cosine, 0.0, 1.0);
  }
  return absl::OkStatus();
}

std::string Shortened(absl::string_view text, size_t max_bytes) {
  return std::string(text::Utf8Prefix(text, max_bytes));
}

bool GoodWording(const std::string& wording, const dataset::Pair& pair) {
  return wording.size() >= 12 && wording.size() <= 300 &&
         (absl::EndsWith(wording, "?") || absl::EndsWith(wording, "？")) &&
         !absl::StrContains(wording, '\n') && evaluator::Contains(wording, pair.target) == 0;
}

}  // namespace

std::string ContextOf(const dataset::Document& document, const dataset::Pair& pair,
                      size_t max_bytes) {
  const dataset::Span& span = pair.source.span;
  const auto size = static_cast<int64_t>(document.text.size());
  if (span.end > span.begin && span.end <= size) {
    for (const dataset::Span& paragraph : document.paragraphs) {
      if (span.begin >= paragraph.begin && span.begin < paragraph.end) {
        return Shortened(document.text.substr(paragraph.begin, paragraph.end - paragraph.begin),
                         max_bytes);
      }
    }
    // Without paragraphs: from the blank line before to the one after.
    const size_t before = document.text.rfind("\n\n", span.begin);
    const size_t begin = before == std::string::npos ? 0 : before + 2;
    const size_t end = std::min(document.text.find("\n\n", span.end), document.text.size());
    if (end - begin <= max_bytes) return document.text.substr(begin, end - begin);
    return Shortened(document.text.substr(span.begin, span.end - span.begin), max_bytes);
  }
  if (!pair.source.passage.empty()) return Shortened(pair.source.passage, max_bytes);
  return Shortened(document.text, max_bytes);
}

std::string SentenceOf(const dataset::Document& document, const dataset::Pair& pair) {
  const dataset::Span& span = pair.source.span;
  std::string best;
  double best_overlap = -1;
  for (const dataset::Span& sentence : document.sentences) {
    const bool inside =
        span.end > span.begin && span.begin >= sentence.begin && span.begin < sentence.end;
    const std::string text = document.text.substr(sentence.begin, sentence.end - sentence.begin);
    if (inside) return text;
    if (span.end > span.begin) continue;
    const double overlap = evaluator::TokenRecall(text, absl::StrCat(pair.target, " ", pair.input));
    if (overlap > best_overlap) best_overlap = overlap, best = text;
  }
  if (!best.empty()) return best;
  const auto size = static_cast<int64_t>(document.text.size());
  if (span.end > span.begin && span.end <= size) {
    return document.text.substr(span.begin, span.end - span.begin);
  }
  return ContextOf(document, pair, 300);
}

absl::StatusOr<std::vector<Asked>> Ask(const StudyModels& models, const dataset::Document& document,
                                       const std::vector<Candidate>& candidates,
                                       const AskOptions& options, int64_t* unanswered) {
  std::vector<std::string> prompts;
  for (const Candidate& candidate : candidates) prompts.push_back(candidate.prompt);
  FOUNDRY_ASSIGN_OR_RETURN(const Replies replies,
                           Complete(*models.student, prompts, options.max_new_tokens, options));
  std::vector<Asked> asked;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!replies[i].ok()) {
      ++*unanswered;
      continue;
    }
    Asked one;
    one.candidate = candidates[i];
    one.student_answer = std::string(absl::StripAsciiWhitespace(replies[i]->text));
    asked.push_back(std::move(one));
  }
  FOUNDRY_RETURN_IF_ERROR(Verify(models, document, options, asked));
  FOUNDRY_RETURN_IF_ERROR(Similarities(models.embed, asked));
  for (Asked& one : asked) Judge(one);
  return asked;
}

absl::StatusOr<std::vector<Candidate>> Reword(chat::ChatModel& teacher,
                                              const std::vector<Candidate>& candidates,
                                              const std::string& topic,
                                              const std::set<std::string>& held_out,
                                              const AskOptions& options, int64_t* refused) {
  std::vector<std::string> prompts;
  for (const Candidate& candidate : candidates) {
    prompts.push_back(absl::StrCat(
        "Write this question in other words, so that its answer stays \"", candidate.pair.target,
        "\". Do not give the answer. Reply with the question "
        "alone.\n\nQuestion: ",
        candidate.prompt));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Replies replies, Complete(teacher, prompts, 80, options));
  std::vector<Candidate> reworded;
  for (size_t i = 0; i < candidates.size(); ++i) {
    std::string wording =
        replies[i].ok() ? std::string(absl::StripAsciiWhitespace(replies[i]->text)) : "";
    if (!GoodWording(wording, candidates[i].pair)) {
      ++*refused;
      continue;
    }
    Candidate candidate = candidates[i];
    candidate.pair.input = dataset::ClosedBookPrompt(topic, wording);
    // The same words again, or a question that is held out, are no new wording.
    const std::string key = dataset::QuestionKey(candidate.pair);
    if (key == dataset::QuestionKey(candidates[i].pair) || held_out.count(key) > 0 ||
        dataset::MayBeHeldOut(candidate.pair.input)) {
      ++*refused;
      continue;
    }
    candidate.prompt = candidate.pair.input;
    candidate.pair.id.clear();
    candidate.is_new = true;
    reworded.push_back(std::move(candidate));
  }
  return reworded;
}

}  // namespace foundry::self_study
