// Merged weights as files that other programs load: a Hugging Face folder, a GGUF.
//
// Files are complete and synced when a function returns OK; making them visible is the caller's
// part. Thread-safe (no state).
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/lm/export/merged_weights.h"
#include "common/lm/weights/dtype.h"

namespace foundry::lm {

// F32, which loses nothing, up to a billion parameters; beyond that half the size: the base's own
// 16-bit type, F16 when it is quantised.
DType HuggingFaceType(const MergedWeights& weights);

// model.safetensors (F32, F16 or BF16), config.json, generation_config.json and the tokenizer's
// files, for transformers' from_pretrained.
absl::Status WriteHuggingFace(const MergedWeights& weights, DType dtype,
                              const std::filesystem::path& folder, const CancelToken& cancel);

// For llama.cpp: matrices in `dtype` (F32, F16 or Q8_0), vectors in F32. A matrix whose rows are no
// whole blocks of 32 is stored as F16. Metadata of a base that is a GGUF are carried over; those of
// a Hugging Face folder are made from its files.
absl::Status WriteGguf(const MergedWeights& weights, DType dtype, const std::filesystem::path& file,
                       const CancelToken& cancel);

}  // namespace foundry::lm
