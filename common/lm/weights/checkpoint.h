// A decoder's weights and configuration, whatever the container: tensors by their Hugging Face
// names.
//
// On opening, every tensor of the configuration must be there with its shape and none may be left
// over, so that later reads can fail only for lack of memory. Thread-safe: immutable; data stay in
// the mapped file, and views live as long as the object.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/lm/model/model_config.h"
#include "common/lm/weights/gguf.h"
#include "common/lm/weights/safetensors.h"

namespace foundry::lm {

class Checkpoint {
 public:
  // `path`: a Hugging Face folder (config.json with safetensors, sharded or not), a GGUF file, or a
  // folder holding one model.gguf.
  static absl::StatusOr<std::shared_ptr<const Checkpoint>> Open(const std::filesystem::path& path);

  const ModelConfig& config() const { return config_; }
  const std::filesystem::path& path() const { return path_; }  // as given
  // The GGUF behind it; null when it is a Hugging Face folder.
  const std::shared_ptr<const Gguf>& gguf() const { return gguf_; }
  // The files that hold the weights.
  std::vector<std::filesystem::path> weight_files() const;

  // "model.layers.0.self_attn.q_proj.weight". A tied "lm_head.weight" is the embedding.
  bool Has(absl::string_view name) const;
  // As stored; mind TensorView::interleaved_heads. NotFound names file and tensor.
  absl::StatusOr<TensorView> Find(absl::string_view name) const;

  // float32 values in row-major order, rows as transformers has them.
  absl::StatusOr<std::vector<float>> Float32(absl::string_view name) const;
  // The same into `out`, whose length must be the element count.
  absl::Status Float32Into(absl::string_view name, absl::Span<float> out) const;

 private:
  absl::Status OpenGguf(const std::filesystem::path& file);
  absl::Status OpenFolder(const std::filesystem::path& folder);
  absl::Status CheckLayout() const;

  std::filesystem::path path_;
  std::string weights_;  // for errors
  ModelConfig config_;
  std::shared_ptr<const Gguf> gguf_;
  std::shared_ptr<const Safetensors> safetensors_;
  absl::flat_hash_map<std::string, TensorView> tensors_;
};

}  // namespace foundry::lm
