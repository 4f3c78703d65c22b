// spec: the user's file explained, checked, resolved.
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/config/explain.h"
#include "tools/foundry/commands.h"
#include "tools/foundry/run/spec_loading.h"
#include "tools/foundry/view/job_view.h"
#include "tools/foundry/view/table.h"

namespace foundry::cli {
namespace {

struct Options {
  std::string path;
  std::string prefix;
  std::vector<std::string> settings;
  Output output = Output::kTable;
};

std::string WithProfiles(const config::SettingRow& row) {
  std::string text = row.value;
  if (!row.smoke.empty()) absl::StrAppend(&text, " (smoke ", row.smoke, ")");
  if (!row.full.empty()) absl::StrAppend(&text, " (full ", row.full, ")");
  return text;
}

int Explain(const Options& options) {
  std::vector<std::vector<std::string>> rows = {
      {"SETTING", "TYPE", "DEFAULT", "UNIT", "RANGE", "WHAT IT DOES"}};
  Json list = Json::array();
  for (const config::SettingRow& row : config::ExplainSpec()) {
    if (row.name.rfind(options.prefix, 0) != 0) continue;
    rows.push_back({row.name, row.type, WithProfiles(row), row.unit, row.range, row.help});
    list.push_back({{"name", row.name},
                    {"type", row.type},
                    {"default", row.value},
                    {"smoke", row.smoke},
                    {"full", row.full},
                    {"unit", row.unit},
                    {"range", row.range},
                    {"help", row.help}});
  }
  if (list.empty()) {
    return Report(absl::NotFoundError(absl::StrCat("no setting begins with ", options.prefix)));
  }
  if (options.output == Output::kJson) {
    PrintJson(list);
  } else {
    std::fputs(FormatTable(rows).c_str(), stdout);
  }
  return kOk;
}

int CheckFile(const Options& options) {
  const absl::StatusOr<LoadedSpec> loaded = LoadSpec(options.path, options.settings);
  if (!loaded.ok()) return Report(loaded.status());
  std::fprintf(stderr, "%s holds\n", options.path.c_str());
  return kOk;
}

int Resolve(const Options& options) {
  const absl::StatusOr<LoadedSpec> loaded = LoadSpec(options.path, options.settings);
  if (!loaded.ok()) return Report(loaded.status());
  std::printf("%s\n", DumpJson(MessageJson(loaded->spec), 2).c_str());
  return kOk;
}

}  // namespace

void RegisterSpec(Frame& frame) {
  CLI::App* spec = frame.Add("spec", "The pipeline file: its settings, and whether one holds");
  spec->require_subcommand(1);

  auto explain_options = std::make_shared<Options>();
  CLI::App* explain = frame.Add("explain", "Every setting with its default, unit and range", spec);
  explain->add_option("prefix", explain_options->prefix,
                      "only settings that begin so: distillation");
  Frame::AddOutput(explain, &explain_options->output);
  frame.On(explain, [explain_options] { return Explain(*explain_options); });

  struct Row {
    const char* name;
    const char* help;
    int (*body)(const Options&);
  };
  for (const Row& row :
       {Row{"check", "Check a file; errors name line and key", &CheckFile},
        Row{"resolve", "Print a file with every default filled in, as JSON", &Resolve}}) {
    auto options = std::make_shared<Options>();
    CLI::App* command = frame.Add(row.name, row.help, spec);
    command->add_option("spec", options->path, "the pipeline's YAML file")->required();
    command->add_option("--set", options->settings, "override: key.path=value");
    frame.On(command, [options, body = row.body] { return body(*options); });
  }
}

}  // namespace foundry::cli
