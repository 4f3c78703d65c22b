// Merging an adapter into its base and exporting the result, with proof that the files compute what
// base + adapter compute.
//
// Layout of an exported folder:
//   config.json, generation_config.json, model.safetensors, tokenizer*.json   Hugging Face
//   model-f16.gguf, model-q8_0.gguf, …                                        llama.cpp
//   parity.json                                                               figures of each
// Without the Hugging Face format the most exact GGUF is named model.gguf, so that the folder loads
// as a model either way.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/base/json.h"
#include "common/lm/export/parity.h"
#include "common/lm/types.h"

namespace foundry::lm {

struct ExportOptions {
  bool hugging_face = true;
  std::vector<std::string> gguf = {"f16", "q8_0"};  // f32, f16, bf16, q8_0, q4_k, q4_0
  std::string device = "auto";                      // where parity is computed
  CancelToken cancel;
  // One step was done: "model-f16.gguf written".
  std::function<void(int done, int total, const std::string& what)> on_progress;
};

struct ExportedFile {
  std::string name;   // model.safetensors, model-f16.gguf
  std::string dtype;  // F32, F16, BF16, Q8_0, Q4_K, Q4_0
  int64_t size_bytes = 0;
  LogitDifference parity;
  double bound_logit = 0, bound_kl = 0;  // it was held to these
};

struct ExportReport {
  std::vector<ExportedFile> files;
  LogitDifference adapter_effect;     // base against base + adapter; zero without an adapter
  std::vector<std::string> warnings;  // for the user
};

// `base`: a model folder or GGUF; `adapter`: a PEFT folder, empty to convert the base as it is.
// `output` becomes visible all at once, replacing what was there, or not at all.
// Errors: FailedPrecondition when the merge changes nothing; Internal when a file's parity is
// beyond its bound; Unimplemented for what cannot be exported; Cancelled.
absl::StatusOr<ExportReport> MergeAndExport(const std::filesystem::path& base,
                                            const std::filesystem::path& adapter,
                                            const std::filesystem::path& output,
                                            const ExportOptions& options);

// What parity.json holds.
Json ReportJson(const ExportReport& report);

}  // namespace foundry::lm
