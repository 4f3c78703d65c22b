// doctor: what is missing here.
#include <cstdio>
#include <memory>

#include "tools/foundry/commands.h"
#include "tools/foundry/run/preflight.h"
#include "tools/foundry/run/spec_loading.h"
#include "tools/foundry/view/table.h"

namespace foundry::cli {
namespace {

struct Options {
  std::string spec;
  std::vector<std::string> settings;
  Output output = Output::kTable;
};

int Doctor(const Options& options) {
  std::vector<Check> checks = CheckMachine();
  if (!options.spec.empty()) {
    const absl::StatusOr<LoadedSpec> loaded = LoadSpec(options.spec, options.settings);
    if (!loaded.ok()) return Report(loaded.status());
    for (Check& check : CheckSpec(loaded->spec)) checks.push_back(std::move(check));
  }
  bool healthy = true;
  std::vector<std::vector<std::string>> rows = {{"", "CHECK", "FOUND"}};
  Json list = Json::array();
  for (const Check& check : checks) {
    healthy = healthy && (check.ok || !check.needed);
    rows.push_back({check.ok       ? "ok"
                    : check.needed ? "MISSING"
                                   : "absent",
                    check.name, check.detail});
    list.push_back({{"name", check.name},
                    {"ok", check.ok},
                    {"needed", check.needed},
                    {"detail", check.detail}});
  }
  if (options.output == Output::kJson) {
    PrintJson(list);
  } else {
    std::fputs(FormatTable(rows).c_str(), stdout);
  }
  return healthy ? kOk : kFailed;
}

}  // namespace

void RegisterDoctor(Frame& frame) {
  auto options = std::make_shared<Options>();
  CLI::App* command = frame.Add("doctor", "Check what this machine, and a pipeline, lack");
  command->add_option("spec", options->spec, "also check what this pipeline needs");
  command->add_option("--set", options->settings, "override: key.path=value");
  Frame::AddOutput(command, &options->output);
  frame.On(command, [options] { return Doctor(*options); });
}

}  // namespace foundry::cli
