#include "common/lm/generate/steps.h"

namespace foundry::lm {
namespace {

class DecoderStepsImpl : public Steps {
 public:
  explicit DecoderStepsImpl(const Decoder& decoder)
      : decoder_(decoder), cache_(decoder.config(), decoder.device()) {}

  int64_t Add(int64_t prefix, int64_t reserve) override { return cache_.Add(prefix, reserve); }
  void Remove(int64_t slot) override { cache_.Remove(slot); }

  void Run(absl::Span<const int32_t> ids, absl::Span<const CacheStep> steps) override {
    hidden_ = decoder_.Forward(ids, steps, cache_);
  }

  std::vector<SampledToken> Greedy(absl::Span<const int64_t> rows) override {
    std::vector<SampledToken> tokens;
    for (const absl::Span<const float> logits : Logits(rows)) {
      tokens.push_back(SampleToken(logits, {}, {}));
    }
    return tokens;
  }

  std::vector<absl::Span<const float>> Logits(absl::Span<const int64_t> rows) override {
    at::Tensor hidden = hidden_;
    if (static_cast<int64_t>(rows.size()) < hidden.size(0)) {
      const at::Tensor index =
          at::tensor(at::ArrayRef<int64_t>(rows.data(), rows.size()), at::TensorOptions(at::kLong));
      hidden = hidden.index_select(0, index.to(hidden.device()));
    }
    logits_ = decoder_.Logits(hidden).to(at::kCPU, at::kFloat).contiguous();
    std::vector<absl::Span<const float>> out;
    const float* row = logits_.const_data_ptr<float>();
    const auto width = static_cast<size_t>(logits_.size(1));
    for (size_t i = 0; i < rows.size(); ++i) out.emplace_back(row + i * width, width);
    return out;
  }

 private:
  const Decoder& decoder_;
  KvCache cache_;
  at::Tensor hidden_, logits_;
};

}  // namespace

std::unique_ptr<Steps> DecoderSteps(const Decoder& decoder) {
  return std::make_unique<DecoderStepsImpl>(decoder);
}

}  // namespace foundry::lm
