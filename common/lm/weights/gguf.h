// Reading GGUF (ggml-org/ggml docs/gguf.md), versions 2 and 3, little-endian: metadata and the
// tensor table; data stay in the mapped file.
//
// Everything is checked on opening: lengths against what is left of the file, types, duplicate keys
// and tensors, shapes, offsets, overlaps. Errors name the file, the key or tensor, and the byte
// offset. Thread-safe: immutable; views live as long as the object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/lm/weights/dtype.h"
#include "common/lm/weights/mapped_file.h"

namespace foundry::lm {

// Numbers as the file writes them.
enum class GgufType : uint32_t {
  kUint8 = 0,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
};
absl::string_view Name(GgufType type);

struct GgufValue {
  GgufType type = GgufType::kUint32;
  GgufType element = GgufType::kUint32;  // of an array
  // int64_t holds every integer type and bool; uint64 keeps its bit pattern. double holds both
  // float types. Arrays are vectors of the same, arrays of arrays of GgufValue.
  std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
               std::vector<std::string>, std::vector<GgufValue>>
      value;

  static GgufValue String(std::string text);
  static GgufValue Uint32(uint32_t number);
  static GgufValue Float32(float number);
  static GgufValue Bool(bool flag);
  static GgufValue Strings(std::vector<std::string> texts);
  static GgufValue Int32s(std::vector<int64_t> numbers);
  static GgufValue Float32s(std::vector<double> numbers);
};

class Gguf {
 public:
  static absl::StatusOr<std::shared_ptr<const Gguf>> Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_->path(); }
  // In the file's order.
  const std::vector<std::pair<std::string, GgufValue>>& metadata() const { return metadata_; }
  // Shapes are in row-major order (GGUF's own order reversed): [rows, columns].
  const std::vector<TensorView>& tensors() const { return tensors_; }

  const GgufValue* Find(absl::string_view key) const;  // null: absent
  const TensorView* FindTensor(absl::string_view name) const;

  // Typed reads. An absent key gives `fallback`; without one it is NotFound. A value of another
  // type is InvalidArgument. Both name file and key.
  absl::StatusOr<std::string> String(absl::string_view key) const;
  absl::StatusOr<std::string> String(absl::string_view key, absl::string_view fallback) const;
  absl::StatusOr<int64_t> Int(absl::string_view key) const;
  absl::StatusOr<int64_t> Int(absl::string_view key, int64_t fallback) const;
  absl::StatusOr<double> Double(absl::string_view key) const;
  absl::StatusOr<double> Double(absl::string_view key, double fallback) const;
  absl::StatusOr<bool> Bool(absl::string_view key, bool fallback) const;
  // Null: absent.
  absl::StatusOr<const std::vector<std::string>*> Strings(absl::string_view key) const;
  absl::StatusOr<const std::vector<int64_t>*> Ints(absl::string_view key) const;
  absl::StatusOr<const std::vector<double>*> Doubles(absl::string_view key) const;

 private:
  template <typename T>
  absl::StatusOr<const T*> Get(absl::string_view key, absl::string_view wanted) const;

  std::shared_ptr<const MappedFile> file_;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
  std::vector<TensorView> tensors_;
  absl::flat_hash_map<std::string, size_t> by_key_, by_tensor_;
};

}  // namespace foundry::lm
