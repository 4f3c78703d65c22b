// What generation asks of a model: to add tokens to sequences of a cache, and to say what follows.
// Internal to common/lm. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "common/lm/generate/sampler.h"
#include "common/lm/model/decoder.h"

namespace foundry::lm {

class Steps {
 public:
  virtual ~Steps() = default;

  // As KvCache's.
  virtual int64_t Add(int64_t prefix, int64_t reserve) = 0;
  virtual void Remove(int64_t slot) = 0;

  // Adds tokens to sequences: as Decoder::Forward over a cache.
  virtual void Run(absl::Span<const int32_t> ids, absl::Span<const CacheStep> steps) = 0;

  // What follows the given rows of the last Run. Greedy: the likeliest token and its
  // log-probability.
  virtual std::vector<SampledToken> Greedy(absl::Span<const int64_t> rows) = 0;
  // Logits, row by row: vocab_size values each, valid until the next call.
  virtual std::vector<absl::Span<const float>> Logits(absl::Span<const int64_t> rows) = 0;
};

// By libtorch's operators: any device and type.
std::unique_ptr<Steps> DecoderSteps(const Decoder& decoder);

namespace packed {
struct AnyWeights;  // a decoder's weights laid out for generation
}

// Where weights laid out for generation are kept between calls. Thread-safe only from outside.
using PackedWeights = std::shared_ptr<packed::AnyWeights>;

// By this library's own kernels over weights that are laid out in `*weights`, which takes as much
// memory as the weights once more. Null where they don't apply: another device, a processor without
// the instructions for the decoder's type, or too little memory.
std::unique_ptr<Steps> PackedSteps(const Decoder& decoder, PackedWeights* weights);

}  // namespace foundry::lm
