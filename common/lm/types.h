// Plain values at the edge of the engine. No header of common/lm that other libraries include
// mentions libtorch: its include folder carries protobuf headers of another version.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace foundry::lm {

class RankGroup;  // common/lm/distributed/rank_group.h

// Row-major float32 matrix.
struct FloatMatrix {
  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<float> data;  // rows * cols

  const float* row(int64_t i) const { return data.data() + i * cols; }
};

enum class ComputeType {
  kAuto,  // what a short probe finds fastest on this machine, within the parity tolerance
  kFloat32,
  kBFloat16,  // matmuls in bf16 with fp32 accumulation; everything else fp32
};

// How the weights of a decoder's linears (not embeddings, not lm_head) are held.
enum class WeightFormat {
  kFull,  // in the compute type
  kInt8,  // 8 bits, a scale for each row
  kNf4,   // 4 bits, a scale for each 64 values (QLoRA, arXiv 2305.14314)
};

struct LoadOptions {
  std::string device = "auto";  // auto, cpu, cuda, cuda:1
  ComputeType compute = ComputeType::kFloat32;
  WeightFormat weights = WeightFormat::kFull;  // fewer bits: on the CPU, for training (generation
                                               // lays the weights out in full)
  // Ranks that hold the model together, each its share of every layer (tensor parallelism): all
  // make the same calls in the same order. They outlive the model. Null: all of it is here.
  RankGroup* tensor_ranks = nullptr;
  std::string adapter;  // PEFT folder to attach; empty: none
  double adapter_scale = 1.0;
};

}  // namespace foundry::lm
