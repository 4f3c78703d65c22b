// The `foundry` program; see command.h for how commands are added.
#include <signal.h>

#include <cstdio>
#include <exception>

#include "tools/foundry/command.h"
#include "tools/foundry/commands.h"

int main(int argc, char** argv) {
  // Who ignores it hands that on, and then the ends of child processes cannot be awaited.
  signal(SIGCHLD, SIG_DFL);
  CLI::App app("Turn folders of documents into a small language model that knows them.", "foundry");
  app.set_version_flag("--version", FOUNDRY_VERSION);
  app.require_subcommand(1);
  foundry::cli::Frame frame(app);
  foundry::cli::RegisterRun(frame);
  foundry::cli::RegisterJobs(frame);
  foundry::cli::RegisterSpec(frame);
  foundry::cli::RegisterAsk(frame);
  foundry::cli::RegisterModel(frame);
  foundry::cli::RegisterExport(frame);
  foundry::cli::RegisterDoctor(frame);
  foundry::cli::RegisterTrain(frame);
  foundry::cli::RegisterExtract(frame);
  foundry::cli::RegisterEvaluate(frame);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? foundry::cli::kOk : foundry::cli::kUsage;
  }
  if (!frame.action()) return foundry::cli::kUsage;
  try {
    return frame.action()();
  } catch (const std::exception& error) {  // a library's; ours return a Status
    std::fprintf(stderr, "foundry: unexpected: %s\n", error.what());
    return foundry::cli::kFailed;
  }
}
