#include "common/lm/model/weights_hash.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/hash.h"

namespace foundry::lm {
namespace {

constexpr int64_t kPage = 4096, kPages = 16;  // elements of a weight that are hashed together

}  // namespace

std::string WeightsHash(const Decoder& decoder) {
  Sha256 hash;
  const auto add = [&hash](const at::Tensor& tensor) {
    if (!tensor.defined()) return;
    hash.Update(absl::StrCat(c10::toString(tensor.scalar_type()), ":",
                             absl::StrJoin(tensor.sizes(), ","), ";"));
    const at::Tensor flat = tensor.reshape({-1});
    const int64_t size = flat.numel(), step = std::max(kPage, size / kPages);
    for (int64_t at = 0; at < size; at += step) {
      const at::Tensor page = flat.narrow(0, at, std::min(kPage, size - at)).cpu().contiguous();
      hash.Update({static_cast<const char*>(page.const_data_ptr()), page.nbytes()});
    }
  };
  const auto add_frozen = [&hash](const FrozenMatrix& matrix) {
    std::vector<uint16_t> row(static_cast<size_t>(matrix.columns()));
    const int64_t step = std::max<int64_t>(1, matrix.rows() / kPages);
    for (int64_t at = 0; at < matrix.rows(); at += step) {
      matrix.Read(at, 1, 0, matrix.columns(), row.data(), matrix.columns());
      hash.Update({reinterpret_cast<const char*>(row.data()), row.size() * sizeof(row[0])});
    }
  };
  for (const Layer& layer : decoder.layers()) {
    for (const Linear* linear : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) {
      add(linear->weight);
      if (linear->frozen) add_frozen(*linear->frozen);
      add(linear->lora_a);
      add(linear->row_scale);
      add(linear->bias);
    }
    for (const at::Tensor* norm :
         {&layer.input_norm, &layer.post_norm, &layer.q_norm, &layer.k_norm}) {
      add(*norm);
    }
  }
  add(decoder.final_norm());
  add(decoder.lm_head());
  return hash.FinishHex();
}

}  // namespace foundry::lm
