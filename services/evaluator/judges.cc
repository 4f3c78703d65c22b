#include "services/evaluator/judges.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/chat/http_client.h"

namespace foundry::evaluator {
namespace {

chat::ChatRequest VerdictRequest(const Scored& scored) {
  const std::vector<std::string>& due =
      scored.item.golds.empty() ? scored.item.must_contain : scored.item.golds;
  chat::ChatRequest request = chat::MakeRequest(
      "You check answers. You reply with one word: yes or no.",
      absl::StrCat(
          "Question: ", scored.item.question, "\nRight answer: ", absl::StrJoin(due, " / or / "),
          "\nGiven answer: ", scored.prediction,
          "\nDoes the given answer say what the right answer says, without adding anything "
          "false? Reply yes or no."));
  request.max_tokens = 8;
  return request;
}

std::optional<bool> ParseVerdict(absl::string_view reply) {
  std::string word;
  for (char c : reply) {
    if (absl::ascii_isalpha(static_cast<unsigned char>(c))) {
      word += absl::ascii_tolower(c);
    } else if (!word.empty()) {
      break;
    }
  }
  if (word == "yes") return true;
  if (word == "no") return false;
  return std::nullopt;
}

// The verdict in words, or why there is none.
absl::StatusOr<double> ReadScore(const chat::HttpResponse& response) {
  if (response.status != 200) {
    return absl::UnavailableError(absl::StrCat("the evaluator answered HTTP ", response.status));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ParseJson(response.body, "the evaluator's answer"));
  const auto score = json.is_object() ? json.find("score") : json.end();
  if (!json.is_object() || score == json.end() || !score->is_number()) {
    return absl::InvalidArgumentError("the evaluator's answer has no number \"score\"");
  }
  const double value = score->get<double>();
  if (!(value >= 0 && value <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the evaluator's score ", value, " is not in 0…1"));
  }
  return value;
}

}  // namespace

absl::StatusOr<Judges> ParseJudges(const std::vector<std::string>& names) {
  Judges judges;
  judges.exact = judges.f1 = false;
  for (const std::string& name : names) {
    if (name == "exact") {
      judges.exact = true;
    } else if (name == "f1") {
      judges.f1 = true;
    } else if (name == "embedding") {
      judges.embedding = true;
    } else if (name == "llm") {
      judges.llm = true;
    } else if (absl::StartsWith(name, "http://") || absl::StartsWith(name, "https://")) {
      judges.addresses.push_back(name);
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "evaluation.judges: unknown judge \"", name,
          "\"; known are exact, f1, embedding, llm and a custom evaluator's http(s) address"));
    }
  }
  return judges;
}

void KeepJudged(const Judges& judges, Scored& scored) {
  if (!judges.exact) scored.scores.erase("exact");
  if (judges.f1) return;
  for (const char* name : {"f1", "recall", "rouge_l"}) scored.scores.erase(name);
}

absl::Status JudgeBySimilarity(const EmbedTexts& embed, std::vector<Scored>& answers) {
  std::vector<std::string> texts;
  for (const Scored& scored : answers) {
    if (scored.item.golds.empty() || Unanswered(scored)) continue;
    texts.push_back(scored.prediction);
    texts.insert(texts.end(), scored.item.golds.begin(), scored.item.golds.end());
  }
  if (texts.empty()) return absl::OkStatus();
  FOUNDRY_ASSIGN_OR_RETURN(const lm::FloatMatrix rows, embed(texts));
  int64_t row = 0;
  for (Scored& scored : answers) {
    if (scored.item.golds.empty() || Unanswered(scored)) continue;
    const float* prediction = rows.row(row++);
    double best = 0;
    for (size_t g = 0; g < scored.item.golds.size(); ++g, ++row) {
      double cosine = 0;
      for (int64_t i = 0; i < rows.cols; ++i) cosine += prediction[i] * rows.row(row)[i];
      best = std::max(best, cosine);
    }
    // An empty answer has an embedding too, of nothing.
    scored.scores["similarity"] =
        absl::StripAsciiWhitespace(scored.prediction).empty() ? 0 : std::min(1.0, best);
  }
  return absl::OkStatus();
}

absl::Status JudgeByChat(chat::ChatModel& judge, const CancelToken& cancel,
                         std::vector<Scored>& answers) {
  std::vector<Scored*> open;
  for (Scored& scored : answers) {
    if (!Unanswered(scored)) open.push_back(&scored);
  }
  for (int attempt = 0; attempt < 2 && !open.empty(); ++attempt) {
    std::vector<chat::ChatRequest> requests;
    for (const Scored* scored : open) {
      requests.push_back(VerdictRequest(*scored));
      if (attempt > 0) requests.back().temperature = 0.3;  // the same question would fail again
      requests.back().seed = attempt;
    }
    chat::CompleteOptions options;
    options.cancel = cancel;
    FOUNDRY_ASSIGN_OR_RETURN(const auto replies, judge.Complete(requests, options));
    std::vector<Scored*> still_open;
    for (size_t i = 0; i < open.size(); ++i) {
      const std::optional<bool> verdict =
          replies[i].ok() ? ParseVerdict(replies[i]->text) : std::nullopt;
      if (verdict.has_value()) {
        open[i]->scores["llm"] = *verdict ? 1 : 0;
        open[i]->failures.erase("llm");
        continue;
      }
      open[i]->failures["llm"] = replies[i].ok()
                                     ? absl::StrCat("neither yes nor no: ", replies[i]->text)
                                     : std::string(replies[i].status().message());
      still_open.push_back(open[i]);
    }
    open = std::move(still_open);
  }
  return absl::OkStatus();
}

absl::Status JudgeByAddress(const std::string& address, const std::string& score_name,
                            const CancelToken& cancel, std::vector<Scored>& answers) {
  chat::HttpClient client;
  for (Scored& scored : answers) {
    if (Unanswered(scored)) continue;
    FOUNDRY_RETURN_IF_ERROR(cancel.Check());
    chat::HttpCall call;
    call.url = address;
    call.body = DumpJson({{"dataset", scored.dataset},
                          {"id", scored.item.id},
                          {"kind", KindName(scored.item.kind)},
                          {"question", scored.item.question},
                          {"answers", scored.item.golds},
                          {"prediction", scored.prediction}});
    call.cancel = cancel;
    const absl::StatusOr<chat::HttpResponse> response = client.Post(call);
    const absl::StatusOr<double> score =
        response.ok() ? ReadScore(*response) : absl::StatusOr<double>(response.status());
    if (score.ok()) {
      scored.scores[score_name] = *score;
    } else {
      scored.failures[score_name] = std::string(score.status().message());
    }
  }
  return absl::OkStatus();
}

}  // namespace foundry::evaluator
