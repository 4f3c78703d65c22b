// A file mapped read-only into memory: large weights are paged in as they are read, and shared
// between processes.
//
// Owns the mapping; spans into it live as long as the object. Thread-safe: immutable. The file must
// not be truncated while it is mapped (the kernel answers reads past its end with SIGBUS), so
// whoever replaces weights renames a new file over the old one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace foundry::lm {

class MappedFile {
 public:
  // NotFound when there is no such file; an empty file gives an empty span.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::Span<const uint8_t> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, const uint8_t* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::filesystem::path path_;
  const uint8_t* data_;
  size_t size_;
};

}  // namespace foundry::lm
