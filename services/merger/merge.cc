#include "services/merger/merge.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/export/export.h"
#include "common/lm/model_path.h"

namespace foundry::merger {
namespace fs = std::filesystem;
namespace {

absl::StatusOr<lm::ExportOptions> OptionsOf(const MergeJob& job, worker::TaskContext& context) {
  lm::ExportOptions options;
  options.hugging_face = false;
  options.gguf.clear();
  for (const std::string& format : job.formats) {
    if (format == "huggingface") {
      options.hugging_face = true;
    } else if (format == "gguf") {
      options.gguf = job.quantization;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("merge.formats: '", format, "' must be huggingface or gguf"));
    }
  }
  options.device = job.device;
  options.cancel = context.cancel();
  options.on_progress = [&context](int done, int total, const std::string& what) {
    context.Progress({.done = static_cast<double>(done),
                      .total = static_cast<double>(total),
                      .unit = "steps",
                      .message = what});
  };
  return options;
}

absl::StatusOr<fs::path> BaseOf(const MergeJob& job, worker::TaskContext& context) {
  if (!job.base_files.empty()) return context.Fetch(job.base_files);
  return lm::ResolveModel(job.base);
}

}  // namespace

absl::StatusOr<worker::StageOutput> RunMerge(const MergeJob& job, worker::TaskContext& context) {
  FOUNDRY_ASSIGN_OR_RETURN(const lm::ExportOptions options, OptionsOf(job, context));
  FOUNDRY_ASSIGN_OR_RETURN(const fs::path base, BaseOf(job, context));
  fs::path adapter;
  if (!job.adapter.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(adapter, context.Fetch(job.adapter));
  }
  FOUNDRY_ASSIGN_OR_RETURN(lm::ExportReport report,
                           lm::MergeAndExport(base, adapter, context.output() / "merged", options));
  FOUNDRY_RETURN_IF_ERROR(
      WriteJsonFile(context.output() / "parity.json", lm::ReportJson(report), 2));
  worker::StageOutput output;
  output.counts["files"] = static_cast<int64_t>(report.files.size());
  for (const lm::ExportedFile& file : report.files) {
    output.figures[absl::StrCat("max_abs_logit_", file.name)] = file.parity.max_abs_logit;
    output.figures[absl::StrCat("mean_kl_", file.name)] = file.parity.mean_kl;
    context.Message(absl::StrFormat("%s: |Δlogit| at most %.2g, KL %.2g nats, %.0f %% same choice",
                                    file.name, file.parity.max_abs_logit, file.parity.mean_kl,
                                    100 * file.parity.same_top1));
  }
  output.figures["adapter_mean_kl"] = report.adapter_effect.mean_kl;
  output.warnings = std::move(report.warnings);
  return output;
}

}  // namespace foundry::merger
