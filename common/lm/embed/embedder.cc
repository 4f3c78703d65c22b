#include "common/lm/embedder.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/embed/bert.h"
#include "common/lm/embed/packed_bert.h"
#include "common/lm/model/from_checkpoint.h"
#include "common/lm/packed/parallel.h"
#include "common/tokenizer/tokenizer.h"

namespace foundry::lm {
namespace fs = std::filesystem;

struct Embedder::Impl {
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer;
  std::unique_ptr<Bert> bert;
  std::unique_ptr<PackedBert> packed;  // null: `bert` computes
  at::Device device = at::kCPU;
  int64_t max_tokens = 0;
};

namespace {

constexpr int64_t kTextsAtOnce = 16;  // that a thread tokenizes
constexpr size_t kPackedRows = 1024;  // tokens of one pass, at most, where a text is no longer

// Where sentence-transformers cuts: max_seq_length of sentence_bert_config.json, else what the
// encoder and the tokenizer can hold.
absl::StatusOr<int64_t> ReadMaxTokens(const fs::path& folder, int64_t positions) {
  int64_t limit = positions;
  for (const auto& [file, key] : {std::pair{"sentence_bert_config.json", "max_seq_length"},
                                  {"tokenizer_config.json", "model_max_length"}}) {
    std::error_code error;
    if (!fs::exists(folder / file, error)) continue;
    FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(folder / file));
    // Tokenizers without a limit write a number far beyond int64 here.
    const auto it = json.is_object() ? json.find(key) : json.end();
    if (it == json.end() || !it->is_number() || it->get<double>() > 1e9) continue;
    limit = std::min(limit, it->get<int64_t>());
    break;
  }
  if (limit < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder.string(), ": a limit of ", limit, " tokens leaves no text"));
  }
  return limit;
}

// A mean over the real tokens of each row, scaled to unit length.
at::Tensor Pool(const at::Tensor& hidden, const at::Tensor& mask) {
  const at::Tensor weights = mask.to(at::kFloat).unsqueeze(2);
  const at::Tensor mean = (hidden * weights).sum(1) / weights.sum(1);
  return mean / mean.norm(2, {1}, true).clamp_min(1e-12);
}

// As many texts at once as the caller allows and a cache's worth of rows holds.
void EmbedPacked(const PackedBert& bert, const std::vector<std::vector<int32_t>>& ids,
                 const std::vector<size_t>& order, int batch_size, FloatMatrix* out) {
  std::vector<absl::Span<const int32_t>> texts;
  std::vector<float> rows;
  for (size_t begin = 0; begin < order.size(); begin += texts.size()) {
    texts.clear();
    size_t tokens = 0;
    for (size_t i = begin; i < order.size() && texts.size() < static_cast<size_t>(batch_size);
         ++i) {
      tokens += ids[order[i]].size();
      if (!texts.empty() && tokens > kPackedRows) break;
      texts.push_back(ids[order[i]]);
    }
    rows.resize(texts.size() * out->cols);
    bert.Embed(texts, rows.data());
    for (size_t i = 0; i < texts.size(); ++i) {
      std::copy_n(rows.data() + i * out->cols, out->cols,
                  out->data.data() + order[begin + i] * out->cols);
    }
  }
}

}  // namespace

Embedder::Embedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Embedder::~Embedder() = default;

absl::StatusOr<std::shared_ptr<Embedder>> Embedder::Load(const fs::path& folder,
                                                         const LoadOptions& options) {
  try {
    c10::InferenceMode inference;
    auto impl = std::make_unique<Impl>();
    FOUNDRY_ASSIGN_OR_RETURN(impl->device, ParseDevice(options.device));
    FOUNDRY_ASSIGN_OR_RETURN(impl->bert, Bert::Load(folder, impl->device));
    if (impl->device.is_cpu()) {
      const bool bf16 = ResolveCompute(options.compute, impl->device) == at::kBFloat16;
      impl->packed = PackedBert::Make(*impl->bert, bf16);
      if (impl->packed == nullptr) impl->packed = PackedBert::Make(*impl->bert, false);
    }
    FOUNDRY_ASSIGN_OR_RETURN(impl->tokenizer, tokenizer::Tokenizer::Load(folder));
    if (impl->tokenizer->vocab_size() > impl->bert->config().vocab_size) {
      return absl::InvalidArgumentError(
          absl::StrCat(folder.string(), ": the tokenizer has ", impl->tokenizer->vocab_size(),
                       " tokens, but the model embeds ", impl->bert->config().vocab_size));
    }
    FOUNDRY_ASSIGN_OR_RETURN(impl->max_tokens,
                             ReadMaxTokens(folder, impl->bert->config().max_positions));
    return std::shared_ptr<Embedder>(new Embedder(std::move(impl)));
  } catch (const std::exception& e) {
    return absl::InternalError(absl::StrCat(folder.string(), ": ", e.what()));
  }
}

int Embedder::dimension() const { return static_cast<int>(impl_->bert->config().hidden_size); }

absl::StatusOr<FloatMatrix> Embedder::Embed(absl::Span<const std::string> texts,
                                            int batch_size) const {
  if (batch_size < 1) return absl::InvalidArgumentError("the batch size must be at least 1");
  const int64_t width = dimension();
  FloatMatrix out{static_cast<int64_t>(texts.size()), width, {}};
  out.data.resize(texts.size() * width);
  std::vector<std::vector<int32_t>> ids(texts.size());
  std::atomic<bool> empty = false;
  packed::ForBlocks(static_cast<int64_t>(texts.size()), kTextsAtOnce, [&](int64_t i, int64_t end) {
    for (; i < end; ++i) {
      ids[i] = impl_->tokenizer->Encode(texts[i], {.add_special = true, .parse_special = true});
      if (static_cast<int64_t>(ids[i].size()) > impl_->max_tokens) {
        const int32_t last = ids[i].back();  // [SEP] stays last
        ids[i].resize(impl_->max_tokens);
        ids[i].back() = last;
      }
      if (ids[i].empty()) empty = true;
    }
  });
  if (empty) return absl::InternalError("the tokenizer added no [CLS] and [SEP]");
  // Texts of like length share a batch, so that little is spent on padding.
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&ids](size_t a, size_t b) { return ids[a].size() > ids[b].size(); });
  try {
    c10::InferenceMode inference;
    if (impl_->packed != nullptr) {
      EmbedPacked(*impl_->packed, ids, order, batch_size, &out);
      return out;
    }
    for (size_t begin = 0; begin < order.size(); begin += batch_size) {
      const int64_t rows = std::min<int64_t>(batch_size, order.size() - begin);
      const int64_t length = ids[order[begin]].size();
      at::Tensor tokens = at::zeros({rows, length}, at::kLong);
      at::Tensor mask = at::zeros({rows, length}, at::kBool);
      for (int64_t row = 0; row < rows; ++row) {
        const std::vector<int32_t>& text = ids[order[begin + row]];
        std::copy(text.begin(), text.end(), tokens.data_ptr<int64_t>() + row * length);
        std::fill_n(mask.data_ptr<bool>() + row * length, text.size(), true);
      }
      tokens = tokens.to(impl_->device);
      mask = mask.to(impl_->device);
      const at::Tensor pooled =
          Pool(impl_->bert->Forward(tokens, mask), mask).to(at::kCPU).contiguous();
      for (int64_t row = 0; row < rows; ++row) {
        std::copy_n(pooled.data_ptr<float>() + row * width, width,
                    out.data.data() + order[begin + row] * width);
      }
    }
  } catch (const std::exception& e) {
    return absl::InternalError(absl::StrCat("embedding failed: ", e.what()));
  }
  return out;
}

double Cosine(const float* a, const float* b, int n) {
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace foundry::lm
