// Sentence embeddings with a BERT encoder (sentence-transformers' all-MiniLM-L6-v2).
// Thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/lm/types.h"

namespace foundry::lm {

class Embedder {
 public:
  static absl::StatusOr<std::shared_ptr<Embedder>> Load(const std::filesystem::path& folder,
                                                        const LoadOptions& options = {});
  ~Embedder();

  int dimension() const;
  // [texts.size(), dimension]: mean over the tokens of the last layer, scaled to unit length. Texts
  // longer than the model's limit are cut, as sentence-transformers does.
  absl::StatusOr<FloatMatrix> Embed(absl::Span<const std::string> texts, int batch_size = 64) const;

 private:
  struct Impl;
  explicit Embedder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Cosine of two unit vectors of `n` values.
double Cosine(const float* a, const float* b, int n);

}  // namespace foundry::lm
