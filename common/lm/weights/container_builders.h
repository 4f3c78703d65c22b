// Bytes of small safetensors and GGUF files for tests, well-formed unless told otherwise.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace foundry::lm::testing {

template <typename T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}

inline std::string Floats(const std::vector<float>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

inline std::string SafetensorsBytes(const std::string& header, const std::string& data) {
  return Raw<uint64_t>(header.size()) + header + data;
}

inline std::string GgufString(const std::string& text) { return Raw<uint64_t>(text.size()) + text; }

// A GGUF version 3 put together from encoded metadata and tensor entries.
class GgufBuilder {
 public:
  GgufBuilder& Uint(const std::string& key, uint32_t value) { return Metadata(key, 4, Raw(value)); }
  GgufBuilder& Float(const std::string& key, float value) { return Metadata(key, 6, Raw(value)); }
  GgufBuilder& Text(const std::string& key, const std::string& value) {
    return Metadata(key, 8, GgufString(value));
  }
  GgufBuilder& Metadata(const std::string& key, uint32_t type, const std::string& value) {
    metadata_ += GgufString(key) + Raw(type) + value;
    ++keys_;
    return *this;
  }
  // `shape` in row-major order. `offset` < 0: after what is there, aligned to 32.
  GgufBuilder& Tensor(const std::string& name, const std::vector<uint64_t>& shape, uint32_t type,
                      const std::string& data, int64_t offset = -1) {
    data_.resize((data_.size() + 31) / 32 * 32);
    table_ += GgufString(name) + Raw<uint32_t>(shape.size());
    for (size_t i = shape.size(); i > 0; --i) table_ += Raw(shape[i - 1]);
    table_ += Raw(type) + Raw<uint64_t>(offset < 0 ? data_.size() : offset);
    data_ += data;
    ++tensors_;
    return *this;
  }
  std::string Bytes() const {
    std::string out = "GGUF" + Raw<uint32_t>(3) + Raw(tensors_) + Raw(keys_) + metadata_ + table_;
    out.resize((out.size() + 31) / 32 * 32);
    return out + data_;
  }

 private:
  uint64_t keys_ = 0, tensors_ = 0;
  std::string metadata_, table_, data_;
};

}  // namespace foundry::lm::testing
