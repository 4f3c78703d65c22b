// JSON reading with errors that say where, and small typed accessors.
//
// The value type is nlohmann::json; numbers that fit no double, invalid UTF-8 and nesting deeper
// than kMaxJsonDepth are refused. Nothing here throws. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace foundry {

using Json = nlohmann::json;

inline constexpr int kMaxJsonDepth = 200;

// Parses one JSON text. Errors are InvalidArgument: "<where>: byte 17: …".
absl::StatusOr<Json> ParseJson(absl::string_view text, absl::string_view where);

// Reads and parses a whole file; a UTF-8 byte order mark is skipped.
absl::StatusOr<Json> ReadJsonFile(const std::filesystem::path& path);

// Writes a file atomically (see WriteFileAtomic). indent < 0: one line.
absl::Status WriteJsonFile(const std::filesystem::path& path, const Json& value, int indent = 1);

// One line of UTF-8 JSON; invalid UTF-8 inside strings becomes U+FFFD, so it never fails.
std::string DumpJson(const Json& value, int indent = -1);

// Typed members of an object. A member of the wrong type is InvalidArgument that names it; a
// missing one gives `fallback`.
absl::StatusOr<std::string> JsonString(const Json& object, absl::string_view key,
                                       absl::string_view fallback = "");
absl::StatusOr<int64_t> JsonInt(const Json& object, absl::string_view key, int64_t fallback = 0);
absl::StatusOr<double> JsonDouble(const Json& object, absl::string_view key, double fallback = 0);
absl::StatusOr<bool> JsonBool(const Json& object, absl::string_view key, bool fallback = false);
absl::StatusOr<std::vector<std::string>> JsonStrings(const Json& object, absl::string_view key);

}  // namespace foundry
