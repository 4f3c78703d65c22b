// merge, convert: a model with its adapter, or as it is, in the forms that others load.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/lm/export/export.h"
#include "common/lm/model_path.h"
#include "tools/foundry/commands.h"
#include "tools/foundry/run/interrupts.h"
#include "tools/foundry/view/table.h"

namespace foundry::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string base, adapter, output;
  std::vector<std::string> formats = {"huggingface", "gguf"};
  std::vector<std::string> quantization = {"f16", "q8_0"};
  std::string device = "auto";
  Output print = Output::kTable;
};

lm::ExportOptions ExportOptionsOf(const Options& options, const CancelToken& cancel) {
  lm::ExportOptions out;
  out.cancel = cancel;
  out.hugging_face = false;
  out.gguf.clear();
  for (const std::string& format : options.formats) {
    if (format == "huggingface") out.hugging_face = true;
    if (format == "gguf") out.gguf = options.quantization;
  }
  out.device = options.device;
  out.on_progress = [](int done, int total, const std::string& what) {
    absl::FPrintF(stderr, "[%d/%d] %s\n", done, total, what);
  };
  return out;
}

void Print(const lm::ExportReport& report, const fs::path& output, Output print) {
  for (const std::string& warning : report.warnings) {
    absl::FPrintF(stderr, "foundry: warning: %s\n", warning);
  }
  if (print == Output::kJson) {
    Json json = lm::ReportJson(report);
    json["output"] = output.string();
    PrintJson(json);
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"FILE", "TYPE", "MIB", "MAX |ΔLOGIT|", "KL (NATS)", "SAME CHOICE"}};
  for (const lm::ExportedFile& file : report.files) {
    rows.push_back({file.name, file.dtype, absl::StrFormat("%.1f", file.size_bytes / 1048576.0),
                    absl::StrFormat("%.3g", file.parity.max_abs_logit),
                    absl::StrFormat("%.2e", file.parity.mean_kl),
                    absl::StrFormat("%.1f %%", 100 * file.parity.same_top1)});
  }
  absl::PrintF("%s", FormatTable(rows));
}

// One GGUF file instead of a folder.
absl::StatusOr<lm::ExportReport> ConvertToFile(const fs::path& base, const fs::path& adapter,
                                               const fs::path& file, const Options& options,
                                               const CancelToken& cancel) {
  if (options.quantization.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.string(), " is one file: give one --quantization"));
  }
  const fs::path parent = file.has_parent_path() ? file.parent_path() : fs::path(".");
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(parent));
  FOUNDRY_ASSIGN_OR_RETURN(const TempFolder temporary, TempFolder::Make(parent));
  lm::ExportOptions export_options = ExportOptionsOf(options, cancel);
  export_options.hugging_face = false;
  export_options.gguf = options.quantization;
  FOUNDRY_ASSIGN_OR_RETURN(
      lm::ExportReport report,
      lm::MergeAndExport(base, adapter, temporary.path() / "out", export_options));
  FOUNDRY_RETURN_IF_ERROR(RenameDurably(temporary.path() / "out/model.gguf", file));
  report.files[0].name = file.filename().string();
  return report;
}

absl::Status Export(const Options& options) {
  const CancelToken cancel;
  const InterruptWatch interrupts(cancel, nullptr);
  FOUNDRY_ASSIGN_OR_RETURN(const fs::path base, lm::ResolveModel(options.base));
  absl::StatusOr<lm::ExportReport> report =
      absl::EndsWith(options.output, ".gguf")
          ? ConvertToFile(base, options.adapter, options.output, options, cancel)
          : lm::MergeAndExport(base, options.adapter, options.output,
                               ExportOptionsOf(options, cancel));
  if (!report.ok()) return report.status();
  Print(*report, options.output, options.print);
  return absl::OkStatus();
}

void AddExportOptions(CLI::App* command, Options* options) {
  command
      ->add_option("--output", options->output,
                   "folder to write (replaced when it exists), or one FILE.gguf")
      ->required();
  command->add_option("--formats", options->formats, "what is written: huggingface, gguf")
      ->delimiter(',')
      ->check(CLI::IsMember({"huggingface", "gguf"}))
      ->capture_default_str();
  command
      ->add_option("--quantization", options->quantization,
                   "types of the GGUF files: f32, f16, bf16, q8_0, q4_k, q4_0")
      ->delimiter(',')
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0", "q4_k", "q4_0"}))
      ->capture_default_str();
  command->add_option("--device", options->device, "where parity is computed: auto, cpu, cuda")
      ->capture_default_str();
  Frame::AddOutput(command, &options->print);
}

}  // namespace

void RegisterExport(Frame& frame) {
  auto merge = std::make_shared<Options>();
  CLI::App* command = frame.Add(
      "merge", "Fold an adapter into its base; write the Hugging Face folder and GGUF files");
  command->add_option("--base,--model", merge->base, "the base model: a path or a name")
      ->required();
  command->add_option("--adapter", merge->adapter, "PEFT folder, such as best_checkpoint/")
      ->required()
      ->check(CLI::ExistingDirectory);
  AddExportOptions(command, merge.get());
  frame.On(command, [merge] { return Report(Export(*merge)); });

  auto convert = std::make_shared<Options>();
  command = frame.Add("convert", "Write a model in other forms: Hugging Face folder, GGUF");
  command->add_option("--model,--base", convert->base, "the model: a path or a name")->required();
  AddExportOptions(command, convert.get());
  frame.On(command, [convert] { return Report(Export(*convert)); });
}

}  // namespace foundry::cli
