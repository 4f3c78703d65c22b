// The `foundry` program; see command.h for how commands are added.
#include "tools/foundry/command.h"
#include "tools/foundry/commands.h"

int main(int argc, char** argv) {
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
  return frame.action() ? frame.action()() : foundry::cli::kUsage;
}
