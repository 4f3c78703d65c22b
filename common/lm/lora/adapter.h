// LoRA adapters (Hu et al., arXiv 2106.09685), weight-decomposed ones too (DoRA, Liu et al., arXiv
// 2402.09353), in PEFT's format, and their attachment to a decoder.
// Internal to common/lm. Not thread-safe: a decoder may not compute while its adapter changes.
// Where ranks share a decoder, all of them make the same calls; with DoRA, FreshAdapter, Attach and
// Update exchange rows' norms, and throw StatusError (torch_guard.h) when that fails.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "absl/status/statusor.h"
#include "common/lm/model/decoder.h"
#include "common/lm/trainer.h"

namespace foundry::lm {

// One adapted linear: y = x·Wᵀ + scale · (x·Aᵀ)·Bᵀ; with DoRA output o of it times
// magnitude[o] / |row o of W + scale · B·A|.
struct AdapterModule {
  int64_t layer = 0;
  std::string name;      // q_proj
  at::Tensor a;          // [rank, in] float32
  at::Tensor b;          // [out, rank] float32
  at::Tensor magnitude;  // [out] float32; undefined without DoRA
};

struct Adapter {
  LoraOptions options;  // `targets` are the module names it covers
  std::vector<AdapterModule> modules;
  // All values; those of the modules are views of it. For each fused linear of the decoder the A's
  // lie one after the other. Whole on every rank of a tensor parallel decoder, which computes with
  // its share.
  at::Tensor flat;

  double scale() const;  // alpha / rank, or alpha / sqrt(rank) with rslora
};

// A: uniform within 1/sqrt(in) (PEFT's Kaiming with a = sqrt(5)); B: zero; magnitudes: the norms of
// the base's rows. InvalidArgument when a target names no linear of the decoder.
absl::StatusOr<Adapter> FreshAdapter(const Decoder& decoder, const LoraOptions& options,
                                     uint64_t seed);

// From a folder with adapter_config.json and adapter_model.safetensors. What changes the
// computation and isn't supported (biases, rank patterns, modules_to_save) is an error.
absl::StatusOr<Adapter> ReadAdapter(const std::filesystem::path& folder, const Decoder& decoder);

// Writes both files, atomically one by one. `base_model`: PEFT's base_model_name_or_path.
absl::Status WriteAdapter(const Adapter& adapter, const std::filesystem::path& folder,
                          const std::string& base_model);

// The decoder computes with the adapter from now on; one that was attached goes. Update copies new
// values of the same adapter.
void AttachAdapter(const Adapter& adapter, double extra_scale, Decoder& decoder);
void UpdateAdapter(const Adapter& adapter, double extra_scale, Decoder& decoder);
void DetachAdapter(Decoder& decoder);

}  // namespace foundry::lm
