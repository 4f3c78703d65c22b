// Every command of `foundry`: declared here, called in main.cc, written in cmd_<name>.cc.
#pragma once

#include "tools/foundry/command.h"

namespace foundry::cli {

void RegisterRun(Frame& frame);  // run, up, down
void RegisterJobs(
    Frame& frame);  // submit, list, get, watch, logs, cancel, retry, artifacts, report
void RegisterSpec(Frame& frame);    // spec explain|check|resolve
void RegisterAsk(Frame& frame);     // ask
void RegisterModel(Frame& frame);   // model tokenize|chat|logits|generate|embed|perplexity|inspect
void RegisterExport(Frame& frame);  // merge, convert
void RegisterDoctor(Frame& frame);  // doctor
void RegisterTrain(Frame& frame);   // teach, train
void RegisterEvaluate(Frame& frame);  // evaluate
void RegisterExtract(Frame& frame);   // extract

}  // namespace foundry::cli
