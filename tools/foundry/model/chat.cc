// model chat: messages to the prompt that the model's chat template makes of them.
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"
#include "tools/foundry/model/commands.h"
#include "tools/foundry/model/inputs.h"
#include "tools/foundry/model/options.h"

namespace foundry::cli {
namespace {

struct Options {
  ModelOptions model;
  InputOptions input;
  std::string system;
  std::vector<std::string> messages;
  bool no_generation_prompt = false;
};

// A file or stdin that holds a JSON list of messages is one chat; any other text a user message.
absl::StatusOr<std::vector<tokenizer::ChatMessage>> ChatOf(const Input& input,
                                                           const Options& options) {
  std::vector<tokenizer::ChatMessage> messages;
  if (input.messages.has_value()) {
    messages = *input.messages;
  } else if (input.ids.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(input.where, ": a chat is made of messages"));
  } else {
    const absl::StatusOr<Json> json = ParseJson(*input.text, input.where);
    if (json.ok() && (json->is_array() || (json->is_object() && json->contains("messages")))) {
      FOUNDRY_ASSIGN_OR_RETURN(messages, ParseMessages(*json));
    } else {
      messages = {{"user", *input.text}};
    }
  }
  if (!options.system.empty() && messages[0].role != "system") {
    messages.insert(messages.begin(), {"system", options.system});
  }
  return messages;
}

absl::Status Chat(Options options) {
  for (std::string& json : options.messages) options.input.more_texts.push_back(std::move(json));
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<Input> inputs, ReadInputs(options.input));
  FOUNDRY_ASSIGN_OR_RETURN(std::filesystem::path path, FindModel(options.model));
  FOUNDRY_ASSIGN_OR_RETURN(auto tokenizer, tokenizer::Tokenizer::Load(path));
  FOUNDRY_ASSIGN_OR_RETURN(auto chat, tokenizer::ChatTemplate::Load(path));
  for (const Input& input : inputs) {
    auto messages = ChatOf(input, options);
    if (!messages.ok()) return Annotate(messages.status(), input.where);
    const auto text = chat.Render(*messages, !options.no_generation_prompt);
    if (!text.ok()) return Annotate(text.status(), input.where);
    const std::vector<int32_t> ids = tokenizer->Encode(*text);
    Json list = Json::array();
    for (const auto& m : *messages) list.push_back({{"role", m.role}, {"content", m.content}});
    PrintJson({{"messages", std::move(list)},
               {"text", *text},
               {"ids", ids},
               {"count", ids.size()},
               {"end_of_turn", chat.end_of_turn()}});
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterChat(Frame& frame, CLI::App* model) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      frame.Add("chat", "Messages to the model's prompt: {messages, text, ids, count}", model);
  AddModelOption(command, &options->model);
  AddInputOptions(command, "each a user's message, or a JSON list of messages", false,
                  &options->input);
  command
      ->add_option("--messages", options->messages,
                   R"(a chat as JSON: [{"role": "user", "content": "…"}]; repeatable)")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--system", options->system, "system message of chats that have none");
  command->add_flag("--no-generation-prompt", options->no_generation_prompt,
                    "end after the last message instead of where the answer begins");
  frame.On(command, [options] { return Report(Chat(*options)); });
}

}  // namespace foundry::cli
