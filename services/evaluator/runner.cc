#include "services/evaluator/runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/text/utf8.h"
#include "services/evaluator/answer_store.h"
#include "services/evaluator/context.h"
#include "services/evaluator/summary.h"

namespace foundry::evaluator {
namespace {

struct Speed {
  int64_t tokens = 0;
  int64_t questions = 0;
  double seconds = 0;
};

struct Run {
  const RunModels& models;
  const RunOptions& options;
  const RunHooks& hooks;
  const ContextIndex& index;
  AnswerStore& store;
  double total = 0, done = 0;
  Speed speed;
};

std::string FullPrompt(const Run& run, const Item& item) {
  if (!run.options.open_book) return PromptOf(item);
  const std::string context = run.index.ContextFor(item, run.options.max_context_bytes);
  if (context.empty()) return PromptOf(item);
  return absl::StrCat(
      "Read the text and answer the question in as few words as possible.\n\nText: ", context,
      "\n\nQuestion: ", item.question);
}

void ReportProgress(Run& run, const std::string& message) {
  if (run.hooks.progress) run.hooks.progress(run.done, run.total, message);
}

void Take(const StoredAnswer& answer, Scored& scored) {
  scored.prediction = answer.text;
  scored.tokens = answer.tokens;
  scored.truncated = answer.truncated;
}

// Asks the questions at `open`, which have no answer yet.
absl::Status AskBatch(Run& run, std::vector<Scored>& answers, const std::vector<size_t>& open) {
  std::vector<chat::ChatRequest> requests;
  for (size_t i : open) {
    chat::ChatRequest request = chat::MakeRequest("", answers[i].prompt);
    request.max_tokens = run.options.max_new_tokens;
    request.seed = run.options.seed;
    requests.push_back(std::move(request));
  }
  chat::CompleteOptions complete;
  complete.cancel = run.hooks.cancel;
  const auto start = std::chrono::steady_clock::now();
  FOUNDRY_ASSIGN_OR_RETURN(const auto replies, run.models.model->Complete(requests, complete));
  run.speed.seconds +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (size_t n = 0; n < open.size(); ++n) {
    Scored& scored = answers[open[n]];
    ++run.speed.questions;
    if (!replies[n].ok()) {
      scored.failures["model"] = std::string(replies[n].status().message());
      continue;
    }
    const StoredAnswer answer{replies[n]->text, replies[n]->completion_tokens,
                              replies[n]->truncated};
    run.speed.tokens += answer.tokens;
    run.store.Add(Sha256Hex(scored.prompt), answer);
    Take(answer, scored);
  }
  return run.store.Flush();
}

absl::StatusOr<std::vector<Scored>> AnswerSet(Run& run, const TestSet& set) {
  std::vector<Scored> answers;
  std::vector<size_t> open;
  for (const Item& item : set.items) {
    Scored scored;
    scored.dataset = set.name;
    scored.item = item;
    scored.prompt = FullPrompt(run, item);
    if (run.models.model == nullptr) {
      scored.prediction = run.index.BestSentence(item);
    } else if (const StoredAnswer* stored = run.store.Find(Sha256Hex(scored.prompt))) {
      Take(*stored, scored);
    } else {
      open.push_back(answers.size());
    }
    answers.push_back(std::move(scored));
  }
  run.done += static_cast<double>(answers.size() - open.size());
  const size_t chunk = static_cast<size_t>(std::max(1, run.options.batch_size)) * 8;
  for (size_t begin = 0; begin < open.size(); begin += chunk) {
    FOUNDRY_RETURN_IF_ERROR(run.hooks.cancel.Check());
    const std::vector<size_t> part(open.begin() + begin,
                                   open.begin() + std::min(open.size(), begin + chunk));
    FOUNDRY_RETURN_IF_ERROR(AskBatch(run, answers, part));
    run.done += static_cast<double>(part.size());
    ReportProgress(run, absl::StrCat("asked ", set.name));
  }
  return answers;
}

absl::Status RunJudges(Run& run, std::vector<Scored>& answers) {
  const Judges& judges = run.options.judges;
  for (Scored& scored : answers) {
    if (Unanswered(scored)) continue;
    FOUNDRY_RETURN_IF_ERROR(ScoreByRules(scored));
    KeepJudged(judges, scored);
  }
  if (judges.embedding) {
    FOUNDRY_RETURN_IF_ERROR(JudgeBySimilarity(run.models.embed, answers));
  }
  if (judges.llm) {
    ReportProgress(run, "judging");
    FOUNDRY_RETURN_IF_ERROR(JudgeByChat(*run.models.judge, run.hooks.cancel, answers));
  }
  for (size_t i = 0; i < judges.addresses.size(); ++i) {
    const std::string name = i == 0 ? "custom" : absl::StrCat("custom_", i + 1);
    FOUNDRY_RETURN_IF_ERROR(JudgeByAddress(judges.addresses[i], name, run.hooks.cancel, answers));
  }
  return absl::OkStatus();
}

// Perplexity per token, and bits per byte, which models of other vocabularies can be compared by.
absl::StatusOr<Json> Perplexity(Run& run, const std::vector<dataset::Document>& documents) {
  constexpr size_t kWindow = 1500;  // bytes: some 350 tokens of English
  const int64_t share = std::max<int64_t>(
      1, run.options.perplexity_bytes / std::max<int64_t>(1, documents.size()) / kWindow);
  TextNll sum;
  int64_t bytes = 0;
  for (const dataset::Document& document : documents) {
    const std::string& text = document.content.empty() ? document.text : document.content;
    for (int64_t window = 0; window < share; ++window) {
      size_t begin = window * kWindow;
      while (begin < text.size() && (text[begin] & 0xC0) == 0x80) ++begin;  // inside a character
      if (begin >= text.size() || bytes >= run.options.perplexity_bytes) break;
      FOUNDRY_RETURN_IF_ERROR(run.hooks.cancel.Check());
      const std::string part(
          text::Utf8Prefix(absl::string_view(text).substr(begin), (window + 1) * kWindow - begin));
      FOUNDRY_ASSIGN_OR_RETURN(const TextNll nll, run.models.nll(part));
      sum.nats += nll.nats;
      sum.tokens += nll.tokens;
      bytes += static_cast<int64_t>(part.size());
    }
  }
  if (sum.tokens == 0) return Json();
  return Json{{"perplexity", std::exp(sum.nats / sum.tokens)},
              {"nats_per_token", sum.nats / sum.tokens},
              {"bits_per_byte", sum.nats / std::log(2.0) / bytes},
              {"tokens", sum.tokens}};
}

// Means over all question-answering sets, which the planner reads.
void AddFigures(const std::vector<Json>& summaries, const std::vector<Scored>& answers,
                const std::string& split, RunResult& result) {
  for (const char* metric : {"score", "contains", "f1", "exact", "similarity"}) {
    double sum = 0;
    int64_t n = 0;
    for (const Scored& scored : answers) {
      if (auto it = scored.scores.find(metric); it != scored.scores.end()) sum += it->second, ++n;
    }
    if (n == 0) continue;
    result.figures[metric] = sum / n;
    if (absl::StartsWith(split, "dev"))
      result.figures[absl::StrCat("dev_", metric)] = result.figures[metric];
  }
  for (const Json& summary : summaries) {
    const std::string primary = summary["primary"], name = summary["name"];
    if (!summary["metrics"].contains(primary)) continue;
    result.figures[absl::StrCat(name, ".", primary)] = summary["metrics"][primary]["mean"];
  }
}

void AddFailures(const std::vector<Scored>& answers, RunResult& result) {
  std::map<std::string, std::pair<int64_t, std::string>> failures;
  for (const Scored& scored : answers) {
    for (const auto& [judge, reason] : scored.failures) {
      auto& [count, example] = failures[judge];
      if (count++ == 0) example = std::string(text::Utf8Prefix(reason, 200));
    }
  }
  for (const auto& [judge, failure] : failures) {
    const auto& [count, example] = failure;
    result.counts[absl::StrCat(judge, "_failures")] = count;
    result.warnings.push_back(absl::StrCat(
        judge == "model" ? "the model" : absl::StrCat("judge ", judge), " gave nothing for ", count,
        " of ", answers.size(), judge == "model" ? " questions, which no score counts" : " answers",
        ", for example: ", example));
  }
}

absl::Status WriteAnswers(const std::vector<Scored>& answers, const std::filesystem::path& output) {
  std::vector<Json> rows;
  for (const Scored& scored : answers) rows.push_back(ToJson(scored));
  return dataset::WriteJsonLines(output / "answers.jsonl", rows);
}

}  // namespace

absl::StatusOr<RunResult> RunEvaluation(const std::vector<TestSet>& sets,
                                        const std::vector<dataset::Document>& documents,
                                        const RunModels& models, const RunOptions& options,
                                        const RunHooks& hooks, const std::filesystem::path& scratch,
                                        const std::filesystem::path& output) {
  const ContextIndex index(documents);
  FOUNDRY_ASSIGN_OR_RETURN(
      AnswerStore store,
      AnswerStore::Open(scratch / "answers.jsonl",
                        absl::StrCat(options.label, " ", options.model_name, " ",
                                     options.max_new_tokens, options.open_book ? " open" : "")));
  Run run{models, options, hooks, index, store, 0, 0, {}};
  RunResult result;
  for (const TestSet& set : sets) run.total += static_cast<double>(set.items.size());

  std::vector<Scored> answers;
  for (const TestSet& set : sets) {
    if (set.items.empty()) {
      result.warnings.push_back(absl::StrCat(
          set.name, ": no pair is in the split \"", options.split,
          "\": there is nothing held out to ask (a fact needs several wordings for that)"));
      continue;
    }
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<Scored> part, AnswerSet(run, set));
    std::move(part.begin(), part.end(), std::back_inserter(answers));
  }
  const auto failed = std::count_if(answers.begin(), answers.end(), Unanswered);
  if (!answers.empty() && failed * 2 > static_cast<int64_t>(answers.size())) {
    const auto example = std::find_if(answers.begin(), answers.end(), Unanswered);
    return absl::UnavailableError(
        absl::StrCat(options.model_name, " gave no answer to ", failed, " of ", answers.size(),
                     " questions, for example: ", example->failures.at("model")));
  }
  FOUNDRY_RETURN_IF_ERROR(RunJudges(run, answers));

  Json scores = {{"label", options.label},
                 {"model", options.model_name},
                 {"split", options.split},
                 {"open_book", options.open_book},
                 {"questions", answers.size()}};
  const std::vector<Json> summaries = SummarizeAll(answers, options.seed);
  scores["datasets"] = summaries;
  AddFigures(summaries, answers, options.split, result);
  AddFailures(answers, result);
  if (models.nll && !documents.empty()) {
    ReportProgress(run, "reading the documents for the perplexity");
    FOUNDRY_ASSIGN_OR_RETURN(scores["documents"], Perplexity(run, documents));
    if (scores["documents"].is_object()) {
      result.figures["perplexity"] = scores["documents"]["perplexity"];
    }
  }
  if (run.speed.seconds > 0) {
    scores["speed"] = {{"tokens_per_second", run.speed.tokens / run.speed.seconds},
                       {"questions_per_second", run.speed.questions / run.speed.seconds},
                       {"tokens", run.speed.tokens},
                       {"questions", run.speed.questions},
                       {"seconds", run.speed.seconds}};
    result.figures["tokens_per_second"] = run.speed.tokens / run.speed.seconds;
  }
  result.counts["questions"] = static_cast<int64_t>(answers.size());
  result.counts["correct"] =
      std::count_if(answers.begin(), answers.end(), [](const Scored& s) { return s.correct; });
  scores["figures"] = result.figures;
  scores["warnings"] = result.warnings;
  FOUNDRY_RETURN_IF_ERROR(WriteAnswers(answers, output));
  FOUNDRY_RETURN_IF_ERROR(WriteJsonFile(output / "scores.json", scores));
  return result;
}

}  // namespace foundry::evaluator
