// model: one model put to work by itself, without a job.
#include "tools/foundry/commands.h"
#include "tools/foundry/model/commands.h"

namespace foundry::cli {

void RegisterModel(Frame& frame) {
  CLI::App* model = frame.Add("model", "Use one model directly: text or token ids in, JSON out");
  model->require_subcommand(1);
  RegisterTokenize(frame, model);
  RegisterChat(frame, model);
  RegisterLogits(frame, model);
  RegisterGenerate(frame, model);
  RegisterEmbed(frame, model);
  RegisterPerplexity(frame, model);
  RegisterInspect(frame, model);
}

}  // namespace foundry::cli
