// Keys and values of sequences under way.
//
// A slot holds one sequence, or the rows that several sequences start with: a slot made with a
// `prefix` continues after that slot's rows, which are stored and computed once. Slots grow as they
// are written. Internal to common/lm. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "common/lm/model/attention.h"
#include "common/lm/model/model_config.h"

namespace foundry::lm {

class KvCache {
 public:
  KvCache(const ModelConfig& config, at::Device device);

  // A new slot, empty; `reserve`: rows to make room for at once. The rows of `prefix` (-1: none)
  // come before its own, and must neither change nor go while the slot lives.
  int64_t Add(int64_t prefix = -1, int64_t reserve = 64);
  void Remove(int64_t slot);  // its number may be given out again

  int64_t length(int64_t slot) const { return slots_[slot].length; }  // own rows
  int64_t prefix(int64_t slot) const { return slots_[slot].prefix; }
  int64_t position(int64_t slot) const;  // of the next token: own rows and those of its prefixes
  void Truncate(int64_t slot, int64_t length);

  // Used by Decoder::Forward. Room for `rows` more in every layer; rows [begin, begin + count) of k
  // and v ([*, kv_heads * head_dim] float32) as the slot's next rows of one layer; and the end of a
  // step, when all layers are written.
  void Reserve(int64_t slot, int64_t rows);
  void Write(int64_t slot, int64_t layer, const at::Tensor& k, const at::Tensor& v, int64_t begin,
             int64_t count);
  void Advance(int64_t slot, int64_t rows) { slots_[slot].length += rows; }
  // Rows of one layer, of the prefixes first, with `extra` rows written but not advanced over.
  std::vector<KeyRange> Ranges(int64_t slot, int64_t layer, int64_t extra) const;

 private:
  struct Slot {
    at::Tensor data;  // [layers * 2 * capacity, kv_heads * head_dim]: keys, then values of a layer
    int64_t capacity = 0, length = 0, prefix = -1;
    bool used = false;
  };
  int64_t layers_, width_;
  at::Device device_;
  std::vector<Slot> slots_;
};

}  // namespace foundry::lm
