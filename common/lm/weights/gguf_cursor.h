// Reading a GGUF's bytes in order, with errors that give the offset. Internal to gguf.cc.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace foundry::lm {

class GgufCursor {
 public:
  GgufCursor(absl::Span<const uint8_t> bytes, std::string file)
      : bytes_(bytes), file_(std::move(file)) {}

  size_t offset() const { return offset_; }
  size_t left() const { return bytes_.size() - offset_; }

  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_, ": byte ", offset_, ": ", what));
  }

  template <typename T>
  absl::StatusOr<T> Read(absl::string_view what) {
    if (left() < sizeof(T)) return Error(absl::StrCat("the file ends inside ", what));
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

  absl::StatusOr<std::string> ReadString(absl::string_view what) {
    const absl::StatusOr<uint64_t> length = Read<uint64_t>(what);
    if (!length.ok()) return length.status();
    if (*length > left()) {
      return Error(absl::StrCat(what, " of ", *length, " bytes runs past the end of the file"));
    }
    std::string text(reinterpret_cast<const char*>(bytes_.data()) + offset_, *length);
    offset_ += *length;
    return text;
  }

 private:
  absl::Span<const uint8_t> bytes_;
  std::string file_;
  size_t offset_ = 0;
};

}  // namespace foundry::lm
