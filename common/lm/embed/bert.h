// The BERT encoder (Devlin et al., arXiv 1810.04805) as tensors; reference: transformers'
// modeling_bert.py with absolute positions. Internal to common/lm. Const methods are thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include <ATen/ATen.h>

#include "absl/status/statusor.h"

namespace foundry::lm {

struct BertConfig {
  int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  int64_t num_layers = 0, num_heads = 0;
  int64_t max_positions = 0, type_vocab_size = 0;
  double layer_norm_eps = 1e-12;
};

// From a Hugging Face folder's config.json. Errors name the file and key.
absl::StatusOr<BertConfig> ReadBertConfig(const std::filesystem::path& folder);

class Bert {
 public:
  static absl::StatusOr<std::unique_ptr<Bert>> Load(const std::filesystem::path& folder,
                                                    at::Device device);

  const BertConfig& config() const { return config_; }

  // Last hidden states, [batch, length, hidden_size] float32. `ids` [batch, length] int64, padded
  // with anything; `mask` [batch, length] bool, true for real tokens. Throws as ATen does.
  at::Tensor Forward(const at::Tensor& ids, const at::Tensor& mask) const;

  struct Affine {
    at::Tensor weight, bias;
  };
  struct Layer {
    Affine qkv;  // query, key and value by rows
    Affine attention_out, attention_norm, up, down, out_norm;
  };
  const std::vector<Layer>& layers() const { return layers_; }
  const Affine& embedding_norm() const { return embedding_norm_; }
  // [vocab_size, hidden_size], [max_positions, hidden_size], [type_vocab_size, hidden_size].
  const at::Tensor& words() const { return words_; }
  const at::Tensor& positions() const { return positions_; }
  const at::Tensor& types() const { return types_; }

 private:
  Bert() = default;
  at::Tensor Norm(const at::Tensor& x, const Affine& norm) const;

  BertConfig config_;
  at::Tensor words_, positions_, types_;
  Affine embedding_norm_;
  std::vector<Layer> layers_;
};

}  // namespace foundry::lm
