#include "services/trainer/dev_score.h"

#include <algorithm>
#include <cmath>

#include "common/base/status.h"
#include "services/evaluator/metrics/qa.h"

namespace foundry::trainer {
namespace {

constexpr int kMostNewTokens = 40;

}  // namespace

absl::StatusOr<DevScore> ScoreDev(const lm::LanguageModel& model,
                                  const std::vector<dataset::Pair>& pairs,
                                  const CancelToken& cancel) {
  const size_t asked = std::min(pairs.size(), kMostDevQuestions);
  std::vector<const dataset::Pair*> chosen;
  std::vector<lm::GenerateRequest> requests;
  for (size_t i = 0; i < asked; ++i) {
    const dataset::Pair& pair = pairs[i * pairs.size() / asked];
    lm::GenerateRequest request;
    FOUNDRY_ASSIGN_OR_RETURN(request.prompt, model.ChatPrompt({{"user", pair.input}}));
    // A question that fills the model's context has no answer: it counts as wrong.
    if (static_cast<int64_t>(request.prompt.size()) >= model.config().max_positions) continue;
    request.max_new_tokens = kMostNewTokens;
    requests.push_back(std::move(request));
    chosen.push_back(&pair);
  }
  lm::GenerateOptions options;
  options.cancel = cancel;
  FOUNDRY_ASSIGN_OR_RETURN(const auto answers, model.Generate(requests, options));
  DevScore score;
  double squares = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const double contains = evaluator::Contains(answers[i].text, chosen[i]->target);
    const double f1 = evaluator::TokenF1(answers[i].text, chosen[i]->target);
    score.contains += contains / asked;
    score.f1 += f1 / asked;
    squares += std::pow((contains + f1) / 2, 2) / asked;
  }
  const double variance = squares - std::pow(score.combined(), 2);
  score.standard_error = std::sqrt(std::max(variance, 0.0) / asked);
  return score;
}

}  // namespace foundry::trainer
