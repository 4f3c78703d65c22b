// SHA-256, the name of every blob and fingerprint.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry {

// 64 lower-case hex digits.
std::string Sha256Hex(absl::string_view data);
absl::StatusOr<std::string> Sha256HexOfFile(const std::filesystem::path& path);

// Incremental. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  void Update(absl::string_view data);
  std::string FinishHex();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace foundry
