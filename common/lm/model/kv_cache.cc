#include "common/lm/model/kv_cache.h"

#include <algorithm>

namespace foundry::lm {

KvCache::KvCache(const ModelConfig& config, at::Device device)
    : layers_(config.num_layers), width_(config.num_kv_heads * config.head_dim), device_(device) {}

int64_t KvCache::Add(int64_t prefix, int64_t reserve) {
  auto free = std::find_if(slots_.begin(), slots_.end(), [](const Slot& s) { return !s.used; });
  if (free == slots_.end()) free = slots_.emplace(slots_.end());
  free->used = true;
  free->prefix = prefix;
  free->length = 0;
  int64_t slot = free - slots_.begin();
  Reserve(slot, reserve);
  return slot;
}

void KvCache::Remove(int64_t slot) { slots_[slot] = Slot{}; }

int64_t KvCache::position(int64_t slot) const {
  int64_t rows = 0;
  for (; slot >= 0; slot = slots_[slot].prefix) rows += slots_[slot].length;
  return rows;
}

void KvCache::Truncate(int64_t slot, int64_t length) {
  slots_[slot].length = std::min(slots_[slot].length, length);
}

void KvCache::Reserve(int64_t slot, int64_t rows) {
  Slot& s = slots_[slot];
  int64_t needed = s.length + rows;
  if (s.capacity >= needed) return;
  int64_t capacity = std::max(needed, s.capacity * 2), blocks = layers_ * 2;
  at::Tensor grown =
      at::empty({blocks, capacity, width_}, at::TensorOptions(at::kFloat).device(device_));
  if (s.length > 0) {
    grown.narrow(1, 0, s.length)
        .copy_(s.data.view({blocks, s.capacity, width_}).narrow(1, 0, s.length));
  }
  s.data = grown.view({blocks * capacity, width_});
  s.capacity = capacity;
}

void KvCache::Write(int64_t slot, int64_t layer, const at::Tensor& k, const at::Tensor& v,
                    int64_t begin, int64_t count) {
  Slot& s = slots_[slot];
  int64_t key_row = layer * 2 * s.capacity + s.length, value_row = key_row + s.capacity;
  if (k.is_cpu()) {
    float* data = s.data.data_ptr<float>();
    std::copy_n(k.const_data_ptr<float>() + begin * width_, count * width_,
                data + key_row * width_);
    std::copy_n(v.const_data_ptr<float>() + begin * width_, count * width_,
                data + value_row * width_);
    return;
  }
  s.data.narrow(0, key_row, count).copy_(k.narrow(0, begin, count));
  s.data.narrow(0, value_row, count).copy_(v.narrow(0, begin, count));
}

std::vector<KeyRange> KvCache::Ranges(int64_t slot, int64_t layer, int64_t extra) const {
  std::vector<KeyRange> ranges;
  for (int64_t at = slot; at >= 0; at = slots_[at].prefix) {
    const Slot& s = slots_[at];
    int64_t key_row = layer * 2 * s.capacity;
    ranges.push_back(
        {s.data, s.data, key_row, key_row + s.capacity, s.length + (at == slot ? extra : 0)});
  }
  std::reverse(ranges.begin(), ranges.end());
  return ranges;
}

}  // namespace foundry::lm
