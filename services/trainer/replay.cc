#include "services/trainer/replay.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "services/trainer/replay_requests.h"

namespace foundry::trainer {

absl::StatusOr<std::vector<dataset::Pair>> MakeReplay(const lm::LanguageModel& model, size_t count,
                                                      const CancelToken& cancel) {
  constexpr int kMostNewTokens = 32;
  std::vector<std::string> lines = absl::StrSplit(kReplayRequests, '\n', absl::SkipWhitespace());
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
  std::vector<dataset::Pair> pairs;
  for (size_t i = 0; i < lines.size(); ++i) {
    // An answer that was cut off would teach the student to break off.
    if (answers[i].finish == lm::GenerateResult::Finish::kLength || answers[i].text.empty())
      continue;
    dataset::Pair pair;
    pair.input = lines[i];
    pair.target = answers[i].text;
    pair.type = "replay";
    pair.teacher = "base";
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

}  // namespace foundry::trainer
