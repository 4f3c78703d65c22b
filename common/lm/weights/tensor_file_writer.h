// Writing safetensors and GGUF (version 3) files tensor by tensor: memory stays at one tensor.
//
// The list of tensors is given first, because both formats begin with it; then every tensor is
// written in that order, and Finish syncs. A file that isn't finished is removed by the destructor.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/lm/weights/dtype.h"
#include "common/lm/weights/gguf.h"

namespace foundry::lm {

struct StoredTensor {
  std::string name;
  DType dtype = DType::kF32;   // one that quantize.h writes
  std::vector<int64_t> shape;  // row-major, also for GGUF
};

using GgufMetadata = std::vector<std::pair<std::string, GgufValue>>;

class TensorFileWriter {
 public:
  static absl::StatusOr<std::unique_ptr<TensorFileWriter>> Safetensors(
      const std::filesystem::path& path, const std::map<std::string, std::string>& metadata,
      std::vector<StoredTensor> tensors);
  static absl::StatusOr<std::unique_ptr<TensorFileWriter>> Gguf(const std::filesystem::path& path,
                                                                const GgufMetadata& metadata,
                                                                std::vector<StoredTensor> tensors);
  ~TensorFileWriter();

  // The next tensor, converted to its type. Errors name the file and the tensor.
  absl::Status Write(absl::string_view name, absl::Span<const float> values);
  // Fails when a tensor is still missing. Returns the size in bytes.
  absl::StatusOr<int64_t> Finish();

 private:
  TensorFileWriter(std::filesystem::path path, std::vector<StoredTensor> tensors, int64_t alignment)
      : path_(std::move(path)), tensors_(std::move(tensors)), alignment_(alignment) {}
  absl::Status Open(const std::string& head);
  absl::Status Append(absl::string_view bytes);

  std::filesystem::path path_;
  std::vector<StoredTensor> tensors_;
  int64_t alignment_;
  size_t next_ = 0;
  int64_t size_ = 0;
  int fd_ = -1;
  bool finished_ = false;
};

// Header and tensor table of a GGUF file, padded to where the data begin. `offsets`: of each tensor
// from there.
std::string EncodeGgufHead(const GgufMetadata& metadata, const std::vector<StoredTensor>& tensors,
                           const std::vector<int64_t>& offsets);

inline constexpr int64_t kGgufAlignment = 32;

}  // namespace foundry::lm
