// model tokenize: text to ids and back.
#include <memory>

#include "common/base/status.h"
#include "common/tokenizer/tokenizer.h"
#include "tools/foundry/model/commands.h"
#include "tools/foundry/model/inputs.h"
#include "tools/foundry/model/options.h"

namespace foundry::cli {
namespace {

struct Options {
  ModelOptions model;
  InputOptions input;
  bool plain = false;
};

absl::Status Tokenize(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<Input> inputs, ReadInputs(options.input));
  FOUNDRY_ASSIGN_OR_RETURN(std::filesystem::path path, FindModel(options.model));
  FOUNDRY_ASSIGN_OR_RETURN(auto tokenizer, tokenizer::Tokenizer::Load(path));
  for (const Input& input : inputs) {
    std::vector<int32_t> ids;
    if (input.text.has_value() && options.plain) {
      ids = tokenizer->Encode(*input.text, {.add_special = false, .parse_special = false});
    } else {
      FOUNDRY_ASSIGN_OR_RETURN(ids, IdsOf(input, *tokenizer, options.input));
    }
    Json tokens = Json::array();
    for (const int32_t id : ids) {
      if (id >= tokenizer->vocab_size()) {
        return absl::InvalidArgumentError(absl::StrCat(input.where, ": token id ", id,
                                                       " is outside the vocabulary of ",
                                                       tokenizer->vocab_size()));
      }
      tokens.push_back(tokenizer->TokenText(id));
    }
    Json out = {{"ids", ids},
                {"tokens", std::move(tokens)},
                {"count", ids.size()},
                {"decoded", tokenizer->Decode(ids, /*skip_special=*/false)}};
    if (input.text.has_value()) out["text"] = *input.text;
    PrintJson(out);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterTokenize(Frame& frame, CLI::App* model) {
  auto options = std::make_shared<Options>();
  CLI::App* command = frame.Add(
      "tokenize", "Texts to token ids, or ids to text: {ids, tokens, count, decoded, text}", model);
  AddModelOption(command, &options->model);
  AddInputOptions(command, "texts", true, &options->input);
  command->add_flag("--plain", options->plain,
                    "special tokens written in the text are ordinary text; implies --no-special");
  frame.On(command, [options] { return Report(Tokenize(*options)); });
}

}  // namespace foundry::cli
