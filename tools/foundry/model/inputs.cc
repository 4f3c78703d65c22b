#include "tools/foundry/model/inputs.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace foundry::cli {
namespace {

absl::StatusOr<std::string> ReadStdin() {
  std::string out;
  char buffer[1 << 16];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) out.append(buffer, n);
  if (std::ferror(stdin)) return absl::DataLossError("stdin: cannot be read");
  return out;
}

absl::StatusOr<std::string> ReadSource(const std::string& name) {
  return name == "-" ? ReadStdin() : ReadFile(name);
}

absl::StatusOr<std::vector<int32_t>> ParseIdArray(const Json& json) {
  std::vector<int32_t> ids;
  for (const Json& item : json) {
    if (!item.is_number_integer() || item.get<int64_t>() < 0 || item.get<int64_t>() > INT32_MAX) {
      return absl::InvalidArgumentError(absl::StrCat("no token id: ", DumpJson(item)));
    }
    ids.push_back(item.get<int32_t>());
  }
  return ids;
}

// "1,2,3", "1 2 3" or "[1, 2, 3]".
absl::StatusOr<std::vector<int32_t>> ParseIdList(absl::string_view text) {
  std::vector<int32_t> ids;
  for (const absl::string_view part :
       absl::StrSplit(text, absl::ByAnyChar(" ,[]\t\r\n"), absl::SkipEmpty())) {
    int32_t id;
    if (!absl::SimpleAtoi(part, &id) || id < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", part, "' is no token id: write them as 1,2,3"));
    }
    ids.push_back(id);
  }
  return ids;
}

absl::StatusOr<Input> ParseLine(const Json& json) {
  Input input;
  if (json.is_string()) {
    input.text = json.get<std::string>();
  } else if (json.is_array() && !json.empty() && json[0].is_object()) {
    FOUNDRY_ASSIGN_OR_RETURN(input.messages, ParseMessages(json));
  } else if (json.is_array()) {
    FOUNDRY_ASSIGN_OR_RETURN(input.ids, ParseIdArray(json));
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (key == "messages") {
        FOUNDRY_ASSIGN_OR_RETURN(input.messages, ParseMessages(value));
      } else if (key == "ids" || (key == "prompt" && value.is_array())) {
        if (!value.is_array()) return absl::InvalidArgumentError("'ids' is no list");
        FOUNDRY_ASSIGN_OR_RETURN(input.ids, ParseIdArray(value));
      } else if (key == "text" || key == "prompt") {
        if (!value.is_string()) {
          return absl::InvalidArgumentError(absl::StrCat("'", key, "' is no string"));
        }
        input.text = value.get<std::string>();
      } else {
        input.fields[key] = value;
      }
    }
    // A golden or an earlier output may carry several: the most explicit one counts.
    if (input.ids.has_value()) {
      input.text.reset();
      input.messages.reset();
    } else if (input.messages.has_value()) {
      input.text.reset();
    }
  }
  if (!input.text.has_value() && !input.ids.has_value() && !input.messages.has_value()) {
    return absl::InvalidArgumentError(
        R"(expected {"text": …}, {"ids": […]}, {"messages": […]}, a string or a list of ids)");
  }
  return input;
}

absl::Status ReadLines(const std::string& file, std::vector<Input>* inputs) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string content, ReadSource(file));
  const std::string name = file == "-" ? "stdin" : file;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(content, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    const std::string where = absl::StrCat(name, ":", number);
    FOUNDRY_ASSIGN_OR_RETURN(Json json, ParseJson(line, where));
    absl::StatusOr<Input> input = ParseLine(json);
    if (!input.ok()) return Annotate(input.status(), where);
    input->where = where;
    inputs->push_back(*std::move(input));
  }
  return absl::OkStatus();
}

Input Text(std::string text, std::string where) {
  Input input;
  input.text = std::move(text);
  input.where = std::move(where);
  return input;
}

}  // namespace

void AddInputOptions(CLI::App* command, const char* text, bool ids, InputOptions* options) {
  command->add_option("texts", options->texts, text);
  command->add_option("--text", options->more_texts, "one more text; repeatable")
      ->take_all()
      ->allow_extra_args(false);
  if (ids) {
    command->add_option("--ids", options->ids, "token ids instead of a text: 1,2,3; repeatable")
        ->take_all()
        ->allow_extra_args(false);
    command->add_flag("--no-special", options->no_special,
                      "don't add what the tokenizer puts around a text ([CLS], BOS)");
  }
  command->add_option("--file", options->files, "a file taken as one text; - for stdin; repeatable")
      ->take_all()
      ->allow_extra_args(false);
  command
      ->add_option("--jsonl", options->jsonl,
                   R"(JSON lines of {"text"}, {"ids"} or {"messages"}; - for stdin; repeatable)")
      ->take_all()
      ->allow_extra_args(false);
}

absl::StatusOr<std::vector<tokenizer::ChatMessage>> ParseMessages(const Json& json) {
  const Json& list = json.is_object() && json.contains("messages") ? json["messages"] : json;
  if (!list.is_array()) {
    return absl::InvalidArgumentError(R"(messages are a list: [{"role": "user", "content": "…"}])");
  }
  std::vector<tokenizer::ChatMessage> messages;
  for (const Json& item : list) {
    if (!item.is_object() || !item.contains("role") || !item["role"].is_string() ||
        !item.contains("content") || !item["content"].is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat("message ", messages.size() + 1, " has no 'role' and 'content' strings"));
    }
    messages.push_back({item["role"].get<std::string>(), item["content"].get<std::string>()});
  }
  if (messages.empty()) return absl::InvalidArgumentError("the list of messages is empty");
  return messages;
}

absl::StatusOr<std::vector<Input>> ReadInputs(const InputOptions& options) {
  std::vector<Input> inputs;
  for (const std::string& text : options.texts) {
    inputs.push_back(Text(text, absl::StrCat("text ", inputs.size() + 1)));
  }
  for (const std::string& text : options.more_texts) {
    inputs.push_back(Text(text, absl::StrCat("text ", inputs.size() + 1)));
  }
  for (const std::string& list : options.ids) {
    absl::StatusOr<std::vector<int32_t>> ids = ParseIdList(list);
    if (!ids.ok()) return Annotate(ids.status(), "--ids");
    Input input;
    input.ids = *std::move(ids);
    input.where = "--ids";
    inputs.push_back(std::move(input));
  }
  for (const std::string& file : options.files) {
    FOUNDRY_ASSIGN_OR_RETURN(std::string text, ReadSource(file));
    inputs.push_back(Text(std::move(text), file == "-" ? "stdin" : file));
  }
  for (const std::string& file : options.jsonl) FOUNDRY_RETURN_IF_ERROR(ReadLines(file, &inputs));
  const bool asked = !options.files.empty() || !options.jsonl.empty();
  if (inputs.empty() && !asked) {
    if (isatty(STDIN_FILENO)) {
      return absl::InvalidArgumentError("no input: give a text, --ids, --file or --jsonl");
    }
    FOUNDRY_ASSIGN_OR_RETURN(std::string text, ReadStdin());
    inputs.push_back(Text(std::move(text), "stdin"));
  }
  if (inputs.empty()) return absl::InvalidArgumentError("the input holds no lines");
  return inputs;
}

absl::StatusOr<std::vector<int32_t>> IdsOf(const Input& input,
                                           const tokenizer::Tokenizer& tokenizer,
                                           const InputOptions& options) {
  if (input.messages.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(input.where, ": messages are for chat and generate; give a text or ids"));
  }
  if (input.ids.has_value()) return *input.ids;
  if (tokenizer.vocab_size() == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(input.where, ": the model has no tokenizer: give --ids instead of a text"));
  }
  return tokenizer.Encode(*input.text, {.add_special = !options.no_special});
}

}  // namespace foundry::cli
