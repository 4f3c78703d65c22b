#include "services/trainer/examples.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status.h"

namespace foundry::trainer {
namespace {

using tokenizer::ChatMessage;

// Tokens [begin, end) of the prompt that hold the user's words. Token boundaries and text
// boundaries agree in every template at hand; where they do not, the range is empty and the
// question unscored.
struct Range {
  size_t begin = 0, end = 0;
};

Range QuestionTokens(const tokenizer::Tokenizer& tokenizer, const std::string& prompt,
                     const std::string& question, const std::vector<int32_t>& ids) {
  const size_t at = prompt.rfind(question);
  if (question.empty() || at == std::string::npos) return {};
  const std::vector<int32_t> before = tokenizer.Encode(absl::string_view(prompt).substr(0, at));
  const std::vector<int32_t> through =
      tokenizer.Encode(absl::string_view(prompt).substr(0, at + question.size()));
  const bool prefix_of_ids =
      through.size() <= ids.size() && std::equal(through.begin(), through.end(), ids.begin()) &&
      before.size() <= through.size() && std::equal(before.begin(), before.end(), through.begin());
  return prefix_of_ids ? Range{before.size(), through.size()} : Range{};
}

}  // namespace

absl::StatusOr<lm::Example> PairExample(const lm::LanguageModel& model, const dataset::Pair& pair,
                                        const ExampleOptions& options, bool* cut) {
  const tokenizer::ChatTemplate* chat = model.chat_template();
  if (chat == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        model.path().string(), ": the student has no chat template; use an instruct model"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const std::string prompt,
                           chat->Render({ChatMessage{"user", pair.input}}, true));
  lm::Example example;
  example.ids = model.tokenizer().Encode(prompt);
  const Range asked = QuestionTokens(model.tokenizer(), prompt, pair.input, example.ids);
  example.loss_weights.assign(example.ids.size(), 0.0f);
  const float question_weight = static_cast<float>(options.question_loss_weight * pair.weight);
  for (size_t i = std::max<size_t>(asked.begin, 1); i < asked.end; ++i) {
    example.loss_weights[i] = question_weight;
  }
  const std::vector<int32_t> answer =
      model.tokenizer().Encode(absl::StrCat(pair.target, chat->end_of_turn()));
  example.ids.insert(example.ids.end(), answer.begin(), answer.end());
  example.loss_weights.resize(example.ids.size(), static_cast<float>(pair.weight));
  *cut = example.ids.size() > static_cast<size_t>(options.max_length);
  if (*cut) {
    example.ids.resize(options.max_length);
    example.loss_weights.resize(options.max_length);
  }
  return example;
}

absl::StatusOr<BuiltExamples> PairExamples(const lm::LanguageModel& model,
                                           const std::vector<dataset::Pair>& pairs,
                                           const ExampleOptions& options) {
  BuiltExamples built;
  for (size_t i = 0; i < pairs.size(); ++i) {
    bool cut = false;
    FOUNDRY_ASSIGN_OR_RETURN(lm::Example example, PairExample(model, pairs[i], options, &cut));
    built.cut += cut;
    const bool scored = std::any_of(example.loss_weights.begin(), example.loss_weights.end(),
                                    [](float weight) { return weight > 0; });
    if (!scored) {
      ++built.unscored;
      continue;
    }
    built.examples.push_back(std::move(example));
    built.pair_of.push_back(i);
  }
  return built;
}

}  // namespace foundry::trainer
