#include "services/trainer/replay.h"

#include <algorithm>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "services/trainer/replay_requests.h"

namespace foundry::trainer {
namespace {

constexpr int kMostNewTokens = 48;

// The answer so far ends behind a whole word, and without the end of the turn.
absl::StatusOr<lm::Example> OpenExample(const lm::LanguageModel& model, dataset::Pair pair,
                                        const ExampleOptions& options) {
  const size_t last_word = pair.target.find_last_of(" \n");
  if (last_word != std::string::npos) pair.target.resize(last_word);
  bool cut = false;
  FOUNDRY_ASSIGN_OR_RETURN(lm::Example example, PairExample(model, pair, options, &cut));
  const size_t end = model.tokenizer().Encode(model.chat_template()->end_of_turn()).size();
  if (!cut && example.ids.size() > end) {
    example.ids.resize(example.ids.size() - end);
    example.loss_weights.resize(example.ids.size());
  }
  return example;
}

}  // namespace

std::vector<std::string> ReplayRequests() {
  std::vector<std::string> requests;
  for (absl::string_view line : absl::StrSplit(kReplayRequests, '\n', absl::SkipWhitespace())) {
    if (absl::StartsWith(line, "#")) continue;
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, '|');
    if (parts.second.empty()) {
      requests.emplace_back(line);
      continue;
    }
    for (absl::string_view subject : absl::StrSplit(parts.second, "; ")) {
      requests.push_back(absl::StrReplaceAll(parts.first, {{"{}", subject}}));
    }
  }
  std::mt19937_64 random(7);
  for (size_t i = requests.size(); i > 1; --i) std::swap(requests[i - 1], requests[random() % i]);
  return requests;
}

absl::StatusOr<std::vector<lm::Example>> MakeReplay(const lm::LanguageModel& model, size_t count,
                                                    int max_length, const CancelToken& cancel) {
  std::vector<std::string> lines = ReplayRequests();
  lines.resize(std::min(count, lines.size()));
  std::vector<lm::GenerateRequest> requests;
  for (const std::string& line : lines) {
    lm::GenerateRequest request;
    FOUNDRY_ASSIGN_OR_RETURN(request.prompt, model.ChatPrompt({{"user", line}}));
    request.max_new_tokens = kMostNewTokens;
    requests.push_back(std::move(request));
  }
  lm::GenerateOptions options;
  options.cancel = cancel;
  FOUNDRY_ASSIGN_OR_RETURN(const auto answers, model.Generate(requests, options));
  const ExampleOptions answers_only{.question_loss_weight = 0, .max_length = max_length};
  std::vector<lm::Example> examples;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (answers[i].text.empty()) continue;
    dataset::Pair pair;
    pair.input = lines[i];
    pair.target = answers[i].text;
    const bool ended = answers[i].finish != lm::GenerateResult::Finish::kLength;
    bool cut = false;
    FOUNDRY_ASSIGN_OR_RETURN(lm::Example example, ended
                                                      ? PairExample(model, pair, answers_only, &cut)
                                                      : OpenExample(model, pair, answers_only));
    examples.push_back(std::move(example));
  }
  return examples;
}

}  // namespace foundry::trainer
