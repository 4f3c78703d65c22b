#include "common/lm/export/export.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/lm/export/merged_weights.h"
#include "common/lm/export/writers.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

struct Plan {
  std::string name;
  DType dtype;
  bool gguf;
};

// What rounding to a type explains, with room: Q8_0 moves SmolLM2-135M by 0.003 nats and 2.2 in the
// logit of its most distant token, F16 by 5e-6 nats and 0.6, Q4_0 by 0.6 nats and 34. A wrong
// permutation, scale or RoPE table moves it by nats.
struct Bound {
  double logit, kl;
};
Bound BoundOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return {0.01, 1e-5};
    case DType::kF16:
      return {4, 1e-3};
    case DType::kBF16:
      return {5, 5e-2};
    case DType::kQ4_0:
    case DType::kQ4_K:
      return {60, 1};
    default:
      return {10, 5e-2};
  }
}

// The most exact first.
constexpr std::pair<absl::string_view, DType> kGgufTypes[] = {
    {"f32", DType::kF32},   {"f16", DType::kF16},   {"bf16", DType::kBF16},
    {"q8_0", DType::kQ8_0}, {"q4_k", DType::kQ4_K}, {"q4_0", DType::kQ4_0}};

std::optional<DType> GgufTypeOf(absl::string_view name) {
  for (const auto& [type, dtype] : kGgufTypes) {
    if (type == name) return dtype;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<Plan>> MakePlan(const MergedWeights& weights,
                                           const ExportOptions& options) {
  std::vector<Plan> out;
  if (options.hugging_face) {
    out.push_back({"model.safetensors", HuggingFaceType(weights), false});
  }
  for (const auto& [name, dtype] : kGgufTypes) {
    if (std::find(options.gguf.begin(), options.gguf.end(), name) == options.gguf.end()) continue;
    out.push_back(
        {out.empty() ? "model.gguf" : absl::StrCat("model-", name, ".gguf"), dtype, true});
  }
  for (const std::string& name : options.gguf) {
    if (!GgufTypeOf(name).has_value()) {
      std::vector<absl::string_view> known;
      for (const auto& [type, dtype] : kGgufTypes) known.push_back(type);
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "' is no GGUF type that can be written; there are ",
                       absl::StrJoin(known, ", ")));
    }
  }
  if (out.empty()) return absl::InvalidArgumentError("no format to export was given");
  return out;
}

absl::StatusOr<ProbeLogits> ProbePath(const fs::path& path, const LoadOptions& load,
                                      std::vector<std::vector<int32_t>>* prompts) {
  FOUNDRY_ASSIGN_OR_RETURN(const auto model, LanguageModel::Load(path, load));
  if (prompts->empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(*prompts, ProbePrompts(*model));
  }
  return Probe(*model, *prompts);
}

absl::Status CheckBound(const ExportedFile& file) {
  if (file.parity.max_abs_logit <= file.bound_logit && file.parity.mean_kl <= file.bound_kl) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s does not compute what base + adapter compute: |Δlogit| %.3g (bound %.3g), "
      "KL %.3g nats (bound %.3g); nothing was written",
      file.name, file.parity.max_abs_logit, file.bound_logit, file.parity.mean_kl, file.bound_kl));
}

Json DivergenceJson(const LogitDifference& d) {
  return {{"positions", d.positions},
          {"max_abs_logit", d.max_abs_logit},
          {"mean_kl", d.mean_kl},
          {"max_kl", d.max_kl},
          {"same_top1", d.same_top1}};
}

// One export under way.
class Exporter {
 public:
  Exporter(fs::path base, fs::path adapter, const ExportOptions& options)
      : base_(std::move(base)), adapter_(std::move(adapter)), options_(options) {}

  absl::StatusOr<ExportReport> Run(const fs::path& folder) {
    FOUNDRY_ASSIGN_OR_RETURN(const MergedWeights weights, Weights());
    FOUNDRY_ASSIGN_OR_RETURN(const std::vector<Plan> plan, MakePlan(weights, options_));
    total_ = 2 * static_cast<int>(plan.size()) + 1;
    for (const Plan& item : plan) {
      FOUNDRY_RETURN_IF_ERROR(Write(weights, item, folder));
      Step(absl::StrCat(item.name, " written"));
    }
    FOUNDRY_RETURN_IF_ERROR(Reference());
    Step("base + adapter computed");
    for (const Plan& item : plan) {
      FOUNDRY_RETURN_IF_ERROR(options_.cancel.Check());
      FOUNDRY_RETURN_IF_ERROR(Check(item, folder));
      Step(absl::StrCat(item.name, " checked"));
    }
    FOUNDRY_RETURN_IF_ERROR(WriteJsonFile(folder / "parity.json", ReportJson(report_), 2));
    return std::move(report_);
  }

 private:
  absl::StatusOr<MergedWeights> Weights() {
    FOUNDRY_ASSIGN_OR_RETURN(auto checkpoint, Checkpoint::Open(base_));
    std::optional<PeftAdapter> adapter;
    if (!adapter_.empty()) {
      FOUNDRY_ASSIGN_OR_RETURN(adapter, PeftAdapter::Read(adapter_));
    }
    return MergedWeights::Make(std::move(checkpoint), std::move(adapter));
  }

  absl::Status Write(const MergedWeights& weights, const Plan& item, const fs::path& folder) {
    if (item.gguf) return WriteGguf(weights, item.dtype, folder / item.name, options_.cancel);
    return WriteHuggingFace(weights, item.dtype, folder, options_.cancel);
  }

  // Logits of base + adapter, and how far the adapter moves the base.
  absl::Status Reference() {
    LoadOptions load;
    load.device = options_.device;
    FOUNDRY_ASSIGN_OR_RETURN(const ProbeLogits base, ProbePath(base_, load, &prompts_));
    if (adapter_.empty()) {
      reference_ = base;
      return absl::OkStatus();
    }
    load.adapter = adapter_.string();
    FOUNDRY_ASSIGN_OR_RETURN(reference_, ProbePath(base_, load, &prompts_));
    FOUNDRY_ASSIGN_OR_RETURN(report_.adapter_effect, Compare(reference_, base));
    if (report_.adapter_effect.max_abs_logit == 0) {
      return absl::FailedPreconditionError(
          "merging would change nothing: base and base + adapter give the same logits");
    }
    return absl::OkStatus();
  }

  absl::Status Check(const Plan& item, const fs::path& folder) {
    LoadOptions load;
    load.device = options_.device;
    const fs::path path = item.gguf ? folder / item.name : folder;
    FOUNDRY_ASSIGN_OR_RETURN(const ProbeLogits logits, ProbePath(path, load, &prompts_));
    ExportedFile file;
    file.name = item.name;
    file.dtype = std::string(Info(item.dtype).name);
    std::error_code error;
    file.size_bytes = static_cast<int64_t>(fs::file_size(folder / item.name, error));
    file.bound_logit = BoundOf(item.dtype).logit;
    file.bound_kl = BoundOf(item.dtype).kl;
    FOUNDRY_ASSIGN_OR_RETURN(file.parity, Compare(reference_, logits));
    FOUNDRY_RETURN_IF_ERROR(CheckBound(file));
    if (!adapter_.empty() && file.parity.mean_kl > 0.5 * report_.adapter_effect.mean_kl) {
      report_.warnings.push_back(absl::StrFormat(
          "%s: rounding moves the model by %.2g nats, the adapter by %.2g: much of what was "
          "learned may be lost; prefer a more exact type",
          item.name, file.parity.mean_kl, report_.adapter_effect.mean_kl));
    }
    report_.files.push_back(std::move(file));
    return absl::OkStatus();
  }

  void Step(const std::string& what) {
    ++done_;
    if (options_.on_progress) options_.on_progress(done_, total_, what);
  }

  const fs::path base_, adapter_;
  const ExportOptions& options_;
  ExportReport report_;
  std::vector<std::vector<int32_t>> prompts_;
  ProbeLogits reference_;
  int done_ = 0, total_ = 0;
};

}  // namespace

absl::StatusOr<ExportReport> MergeAndExport(const fs::path& base, const fs::path& adapter,
                                            const fs::path& output, const ExportOptions& options) {
  const fs::path plain = (output / "x").lexically_normal().parent_path();
  const fs::path parent = plain.has_parent_path() ? plain.parent_path() : fs::path(".");
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(parent));
  // Beside the output, so that a rename makes it visible.
  FOUNDRY_ASSIGN_OR_RETURN(const TempFolder temporary, TempFolder::Make(parent));
  const fs::path staged = temporary.path() / "export";
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(staged));
  FOUNDRY_ASSIGN_OR_RETURN(ExportReport report, Exporter(base, adapter, options).Run(staged));
  FOUNDRY_RETURN_IF_ERROR(options.cancel.Check());
  FOUNDRY_RETURN_IF_ERROR(SyncFolder(staged));
  FOUNDRY_RETURN_IF_ERROR(RenameDurably(staged, plain));
  return report;
}

Json ReportJson(const ExportReport& report) {
  Json files = Json::array();
  for (const ExportedFile& file : report.files) {
    Json item = DivergenceJson(file.parity);
    item["file"] = file.name;
    item["dtype"] = file.dtype;
    item["size_bytes"] = file.size_bytes;
    item["bound_max_abs_logit"] = file.bound_logit;
    item["bound_mean_kl"] = file.bound_kl;
    files.push_back(std::move(item));
  }
  return {{"reference", "base + adapter, float32"},
          {"files", std::move(files)},
          {"adapter_effect", DivergenceJson(report.adapter_effect)},
          {"warnings", report.warnings}};
}

}  // namespace foundry::lm
