#include "services/evaluator/scored.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "services/evaluator/metrics/command.h"
#include "services/evaluator/metrics/errors.h"
#include "services/evaluator/metrics/normalize.h"
#include "services/evaluator/metrics/numbers.h"
#include "services/evaluator/metrics/qa.h"
#include "services/evaluator/metrics/rouge.h"
#include "services/evaluator/metrics/shell.h"
#include "services/evaluator/pattern.h"

namespace foundry::evaluator {
namespace {

// Answers of sentence length are right when most of their words are there, for nobody repeats a
// sentence word by word; short ones must be there as a whole.
constexpr size_t kLongAnswerWords = 8;
constexpr double kLongAnswerRecall = 0.7;

bool IsLong(const std::string& gold) { return AnswerTokens(gold).size() >= kLongAnswerWords; }

// A sentence with another year in it is wrong, however many words it shares.
bool HasNumbersOf(const std::string& gold, const Scored& scored) {
  const std::set<std::string> asked = NumbersAndDates(scored.item.question);
  const std::set<std::string> said = NumbersAndDates(scored.prediction);
  for (const std::string& number : NumbersAndDates(gold)) {
    if (asked.count(number) == 0 && said.count(number) == 0) return false;
  }
  return true;
}

void ScoreQa(Scored& scored) {
  const Item& item = scored.item;
  const QaScores qa = ScoreAnswer(scored.prediction, item.golds);
  scored.scores["exact"] = qa.exact;
  scored.scores["f1"] = qa.f1;
  scored.scores["contains"] = qa.contains;
  scored.scores["recall"] = qa.recall;
  scored.scores["score"] = std::max(qa.contains, qa.f1);
  double rouge = 0;
  for (const std::string& gold : item.golds) {
    rouge = std::max(rouge, RougeL(scored.prediction, gold).f1);
  }
  scored.scores["rouge_l"] = rouge;
  scored.correct = qa.contains == 1;
  for (const std::string& gold : item.golds) {
    if (absl::StrContains(gold, "####")) {  // a worked solution with its final number
      const double match = NumberMatch(scored.prediction, gold);
      scored.scores["number"] = std::max(scored.scores["number"], match);
      scored.correct |= match == 1;
      scored.scores["score"] = std::max(scored.scores["score"], match);
    }
    scored.correct |= IsLong(gold) && TokenRecall(scored.prediction, gold) >= kLongAnswerRecall &&
                      HasNumbersOf(gold, scored);
  }
}

void ScoreCommandAnswer(Scored& scored) {
  scored.command = ExtractCommand(scored.prediction);
  CommandScores best;
  for (const std::string& gold : scored.item.golds) {
    const CommandScores scores = ScoreCommand(scored.prediction, gold);
    best.exact = std::max(best.exact, scores.exact);
    best.utility = std::max(best.utility, scores.utility);
    best.shape = std::max(best.shape, scores.shape);
    best.token_f1 = std::max(best.token_f1, scores.token_f1);
  }
  scored.scores["exact"] = best.exact;
  scored.scores["utility"] = best.utility;
  scored.scores["template"] = best.shape;
  scored.scores["token_f1"] = best.token_f1;
  scored.scores["score"] = std::max(best.exact, best.token_f1);
  scored.correct = best.exact == 1;
  if (scored.correct) return;
  if (IsRefusal(scored.prediction)) {
    scored.error = std::string(ErrorName(ErrorKind::kEmpty));
  } else if (best.utility == 1) {
    scored.error = std::string(ErrorName(ErrorKind::kPartial));
  } else if (IsRepetitive(scored.prediction)) {
    scored.error = std::string(ErrorName(ErrorKind::kRepetition));
  } else {
    const std::vector<std::string> programs = ShapeOf(ShellTokens(scored.command)).utilities;
    const bool looks_like_prose =
        programs.empty() || absl::ascii_isupper(static_cast<unsigned char>(programs[0][0]));
    scored.error =
        std::string(ErrorName(looks_like_prose ? ErrorKind::kFormat : ErrorKind::kWrongProgram));
  }
}

absl::Status ScoreDomain(Scored& scored) {
  const Item& item = scored.item;
  bool pass =
      std::all_of(item.must_contain.begin(), item.must_contain.end(),
                  [&](const std::string& due) { return Contains(scored.prediction, due) == 1; });
  if (pass && !item.matches.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(const Pattern pattern, Pattern::Make(item.matches));
    FOUNDRY_ASSIGN_OR_RETURN(pass, pattern.Find(scored.prediction));
  }
  if (!item.golds.empty()) {
    const QaScores qa = ScoreAnswer(scored.prediction, item.golds);
    scored.scores["f1"] = qa.f1;
    scored.scores["exact"] = qa.exact;
    scored.scores["contains"] = qa.contains;
    pass = pass && qa.contains == 1;
  }
  scored.scores["pass"] = pass;
  scored.scores["score"] = pass;
  scored.correct = pass;
  return absl::OkStatus();
}

}  // namespace

absl::Status ScoreByRules(Scored& scored) {
  switch (scored.item.kind) {
    case TaskKind::kHeldOut:
    case TaskKind::kQa:
      ScoreQa(scored);
      break;
    case TaskKind::kCommand:
      ScoreCommandAnswer(scored);
      break;
    case TaskKind::kDomain:
      FOUNDRY_RETURN_IF_ERROR(Annotate(ScoreDomain(scored), scored.item.id));
      break;
  }
  if (scored.correct) {
    scored.error.clear();
  } else if (scored.error.empty()) {
    const std::vector<std::string>& due =
        scored.item.golds.empty() ? scored.item.must_contain : scored.item.golds;
    scored.error =
        std::string(ErrorName(ClassifyError(scored.item.question, scored.prediction, due)));
  }
  return absl::OkStatus();
}

bool Unanswered(const Scored& scored) { return scored.failures.count("model") > 0; }

Json ToJson(const Scored& scored) {
  const Item& item = scored.item;
  Json json = {{"dataset", scored.dataset},       {"id", item.id},
               {"kind", KindName(item.kind)},     {"type", item.type},
               {"document", item.document},       {"question", item.question},
               {"prompt", scored.prompt},         {"answers", item.golds},
               {"prediction", scored.prediction}, {"tokens", scored.tokens},
               {"correct", scored.correct},       {"scores", scored.scores}};
  if (!item.must_contain.empty()) json["must_contain"] = item.must_contain;
  if (!item.matches.empty()) json["matches"] = item.matches;
  if (item.kind == TaskKind::kCommand) json["command"] = scored.command;
  if (scored.truncated) json["truncated"] = true;
  if (!scored.error.empty()) json["error"] = scored.error;
  if (!scored.failures.empty()) json["failures"] = scored.failures;
  return json;
}

absl::StatusOr<Scored> ScoredFromJson(const Json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("not an object");
  Scored scored;
  Item& item = scored.item;
  FOUNDRY_ASSIGN_OR_RETURN(scored.dataset, JsonString(json, "dataset"));
  FOUNDRY_ASSIGN_OR_RETURN(item.id, JsonString(json, "id"));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string kind, JsonString(json, "kind"));
  item.kind = KindFromName(kind);
  FOUNDRY_ASSIGN_OR_RETURN(item.type, JsonString(json, "type"));
  FOUNDRY_ASSIGN_OR_RETURN(item.document, JsonString(json, "document"));
  FOUNDRY_ASSIGN_OR_RETURN(item.question, JsonString(json, "question"));
  FOUNDRY_ASSIGN_OR_RETURN(scored.prompt, JsonString(json, "prompt"));
  FOUNDRY_ASSIGN_OR_RETURN(item.golds, JsonStrings(json, "answers"));
  FOUNDRY_ASSIGN_OR_RETURN(item.must_contain, JsonStrings(json, "must_contain"));
  FOUNDRY_ASSIGN_OR_RETURN(item.matches, JsonString(json, "matches"));
  FOUNDRY_ASSIGN_OR_RETURN(scored.prediction, JsonString(json, "prediction"));
  FOUNDRY_ASSIGN_OR_RETURN(scored.command, JsonString(json, "command"));
  FOUNDRY_ASSIGN_OR_RETURN(scored.tokens, JsonInt(json, "tokens"));
  FOUNDRY_ASSIGN_OR_RETURN(scored.truncated, JsonBool(json, "truncated"));
  FOUNDRY_ASSIGN_OR_RETURN(scored.correct, JsonBool(json, "correct"));
  FOUNDRY_ASSIGN_OR_RETURN(scored.error, JsonString(json, "error"));
  if (auto it = json.find("scores"); it != json.end() && it->is_object()) {
    for (const auto& [name, value] : it->items()) {
      if (!value.is_number()) {
        return absl::InvalidArgumentError(
            absl::StrCat("\"scores\": \"", name, "\" must be a number"));
      }
      scored.scores[name] = value.get<double>();
    }
  }
  if (auto it = json.find("failures"); it != json.end() && it->is_object()) {
    for (const auto& [name, value] : it->items()) {
      if (value.is_string()) scored.failures[name] = value.get<std::string>();
    }
  }
  return scored;
}

}  // namespace foundry::evaluator
