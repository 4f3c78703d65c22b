// A LoRA adapter (Hu et al., arXiv 2106.09685) in PEFT's format, read for merging: weights as plain
// values, by the Hugging Face name of the linear's weight.
//
// What changes the computation and isn't supported (biases, rank patterns, modules_to_save) is
// Unimplemented. Thread-safe: immutable.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/lm/weights/safetensors.h"

namespace foundry::lm {

// W' = W + scale · B · A, row-major float32; with DoRA (arXiv 2402.09353) each row of it times
// magnitude / its norm.
struct LoraUpdate {
  int64_t rank = 0, in = 0, out = 0;
  std::vector<float> a;          // [rank, in]
  std::vector<float> b;          // [out, rank]
  std::vector<float> magnitude;  // [out]; empty without DoRA
};

struct PeftAdapter {
  // From a folder with adapter_config.json and adapter_model.safetensors. Errors name the file and
  // the key or tensor.
  static absl::StatusOr<PeftAdapter> Read(const std::filesystem::path& folder);

  double scale = 1;        // alpha / rank, or alpha / sqrt(rank) with rsLoRA (arXiv 2312.03732)
  std::string base_model;  // as the trainer wrote it
  std::map<std::string, LoraUpdate> updates;  // by "model.layers.3.self_attn.q_proj.weight"

  // Whether every B (or A) is zero: without DoRA, merging would change nothing.
  bool IsZero() const;
};

}  // namespace foundry::lm
