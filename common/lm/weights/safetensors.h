// Reading safetensors (github.com/huggingface/safetensors): one file, or a folder whose
// model.safetensors.index.json spreads tensors over shards.
//
// Everything is checked on opening, as the reference does: header length, JSON, types, shapes
// against byte ranges, ranges that overlap, leave holes or run past the end. Errors name file and
// tensor. Thread-safe: immutable; views live as long as the object.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/lm/weights/dtype.h"
#include "common/lm/weights/mapped_file.h"

namespace foundry::lm {

class Safetensors {
 public:
  // `path`: a .safetensors file, or a folder with model.safetensors or
  // model.safetensors.index.json.
  static absl::StatusOr<std::shared_ptr<const Safetensors>> Open(const std::filesystem::path& path);

  const std::vector<TensorView>& tensors() const { return tensors_; }  // sorted by name
  const TensorView* Find(absl::string_view name) const;                // null: none
  // The header's __metadata__ (of the first shard).
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // The files read, for errors and hashing.
  const std::vector<std::filesystem::path>& files() const { return files_; }
  // float32 values of one tensor. NotFound names the file and the tensor.
  absl::StatusOr<std::vector<float>> Float32(absl::string_view name) const;

 private:
  absl::Status AddFile(const std::filesystem::path& file);
  absl::Status AddShards(const std::filesystem::path& index);
  void Index();

  std::vector<std::shared_ptr<const MappedFile>> mapped_;
  std::vector<std::filesystem::path> files_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
  absl::flat_hash_map<std::string, size_t> by_name_;
};

}  // namespace foundry::lm
