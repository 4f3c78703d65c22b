// model generate: continuations of prompts or answers to chats.
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "tools/foundry/model/commands.h"
#include "tools/foundry/model/inputs.h"
#include "tools/foundry/model/options.h"

namespace foundry::cli {
namespace {

struct Options {
  ModelOptions model;
  InputOptions input;
  bool chat = false;
  std::string system;
  lm::GenerateRequest request;
  int batch_size = 32;
};

const char* Name(lm::GenerateResult::Finish finish) {
  switch (finish) {
    case lm::GenerateResult::Finish::kEndOfTurn:
      return "end_of_turn";
    case lm::GenerateResult::Finish::kStop:
      return "stop";
    case lm::GenerateResult::Finish::kLength:
      break;
  }
  return "length";
}

absl::StatusOr<std::vector<int32_t>> Prompt(const Input& input, const Options& options,
                                            const lm::LanguageModel& model) {
  std::vector<tokenizer::ChatMessage> messages;
  if (input.messages.has_value()) {
    messages = *input.messages;
  } else if (options.chat && input.text.has_value()) {
    messages = {{"user", *input.text}};
  } else {
    return IdsOf(input, model.tokenizer(), options.input);
  }
  if (!options.system.empty() && messages[0].role != "system") {
    messages.insert(messages.begin(), {"system", options.system});
  }
  return model.ChatPrompt(messages);
}

// A JSON line may set any of the sampling options for itself.
absl::Status ApplyFields(const Json& fields, lm::GenerateRequest* r) {
  FOUNDRY_ASSIGN_OR_RETURN(int64_t length, JsonInt(fields, "max_new_tokens", r->max_new_tokens));
  FOUNDRY_ASSIGN_OR_RETURN(r->temperature, JsonDouble(fields, "temperature", r->temperature));
  FOUNDRY_ASSIGN_OR_RETURN(r->top_p, JsonDouble(fields, "top_p", r->top_p));
  FOUNDRY_ASSIGN_OR_RETURN(int64_t top_k, JsonInt(fields, "top_k", r->top_k));
  FOUNDRY_ASSIGN_OR_RETURN(r->repetition_penalty,
                           JsonDouble(fields, "repetition_penalty", r->repetition_penalty));
  FOUNDRY_ASSIGN_OR_RETURN(int64_t seed, JsonInt(fields, "seed", static_cast<int64_t>(r->seed)));
  if (fields.contains("stop")) {
    FOUNDRY_ASSIGN_OR_RETURN(r->stop, JsonStrings(fields, "stop"));
  }
  r->max_new_tokens = static_cast<int>(std::min<int64_t>(length, INT32_MAX));
  r->top_k = static_cast<int>(std::min<int64_t>(top_k, INT32_MAX));
  r->seed = static_cast<uint64_t>(seed);
  return absl::OkStatus();
}

absl::Status Generate(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<Input> inputs, ReadInputs(options.input));
  FOUNDRY_ASSIGN_OR_RETURN(auto model, LoadModel(options.model));
  std::vector<lm::GenerateRequest> requests;
  for (const Input& input : inputs) {
    lm::GenerateRequest request = options.request;
    if (const absl::Status s = ApplyFields(input.fields, &request); !s.ok()) {
      return Annotate(s, input.where);
    }
    FOUNDRY_ASSIGN_OR_RETURN(request.prompt, Prompt(input, options, *model));
    if (request.prompt.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(input.where, ": the prompt is empty"));
    }
    requests.push_back(std::move(request));
  }
  lm::GenerateStats stats;
  lm::GenerateOptions how;
  how.batch_size = options.batch_size;
  how.stats = &stats;
  FOUNDRY_ASSIGN_OR_RETURN(auto results, model->Generate(requests, how));
  for (size_t i = 0; i < results.size(); ++i) {
    PrintJson({{"prompt_ids", requests[i].prompt},
               {"ids", results[i].ids},
               {"text", results[i].text},
               {"finish", Name(results[i].finish)},
               {"mean_logprob", results[i].mean_logprob}});
  }
  std::fprintf(stderr, "%lld prompt and %lld new tokens in %.2f s (%.1f new tokens/s)\n",
               static_cast<long long>(stats.prompt_tokens),
               static_cast<long long>(stats.generated_tokens), stats.seconds,
               static_cast<double>(stats.generated_tokens) / std::max(stats.seconds, 1e-9));
  return absl::OkStatus();
}

}  // namespace

void RegisterGenerate(Frame& frame, CLI::App* model) {
  auto options = std::make_shared<Options>();
  lm::GenerateRequest& r = options->request;
  CLI::App* command = frame.Add(
      "generate", "Continue prompts: {prompt_ids, ids, text, finish, mean_logprob}", model);
  AddModelOptions(command, &options->model);
  AddInputOptions(command, "prompts", true, &options->input);
  command->add_flag("--chat", options->chat, "texts are a user's messages: use the chat template");
  command->add_option("--system", options->system, "system message of chats that have none");
  command->add_option("-n,--max-new-tokens", r.max_new_tokens, "tokens of an answer at most")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--temperature", r.temperature, "0: the likeliest token every time")
      ->capture_default_str();
  command->add_option("--top-p", r.top_p, "least mass of likeliest tokens to draw from")
      ->capture_default_str();
  command->add_option("--top-k", r.top_k, "number of likeliest tokens to draw from; 0: all")
      ->capture_default_str();
  command->add_option("--repetition-penalty", r.repetition_penalty, "as in transformers; 1: none")
      ->capture_default_str();
  command->add_option("--seed", r.seed, "of the drawing")->capture_default_str();
  command->add_option("--stop", r.stop, "ends an answer before this text; repeatable")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--batch-size", options->batch_size, "sequences under way at once")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  frame.On(command, [options] { return Report(Generate(*options)); });
}

}  // namespace foundry::cli
