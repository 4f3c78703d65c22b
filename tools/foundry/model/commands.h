// The commands below `foundry model`. Each prints one JSON object per input, one a line, in the
// inputs' order.
#pragma once

#include "tools/foundry/command.h"

namespace foundry::cli {

void RegisterTokenize(Frame& frame, CLI::App* model);
void RegisterChat(Frame& frame, CLI::App* model);
void RegisterLogits(Frame& frame, CLI::App* model);
void RegisterGenerate(Frame& frame, CLI::App* model);
void RegisterEmbed(Frame& frame, CLI::App* model);
void RegisterPerplexity(Frame& frame, CLI::App* model);
void RegisterInspect(Frame& frame, CLI::App* model);

}  // namespace foundry::cli
