// Structured logs on stderr: one JSON object or one console line an event.
//
// Fields of the surroundings (job, task, attempt) come from LogScope, which the worker loop and the
// RPC frame open; code below them only says what happened. A thread that takes over part of a
// scope's work opens LogScope(CurrentLogFields()) first. Values of fields whose name says secret
// (token, key, password, authorization) are masked. Thread-safe.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace foundry::telemetry {

enum class LogFormat { kConsole, kJson };
enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogOptions {
  LogFormat format = LogFormat::kConsole;
  LogLevel level = LogLevel::kInfo;
  std::string process;  // name in every JSON line; empty: none
};

using LogFields = std::vector<std::pair<std::string, std::string>>;

// Call once, at the start of main; before that, lines go to stderr with the default options.
void InitLogging(const LogOptions& options);

// "json" or "console"; "debug", "info", "warning" or "error". InvalidArgument for other words.
absl::Status ParseLogOptions(absl::string_view format, absl::string_view level,
                             LogOptions* options);

void Log(LogLevel level, absl::string_view message, const LogFields& fields = {});
inline void LogDebug(absl::string_view message, const LogFields& fields = {}) {
  Log(LogLevel::kDebug, message, fields);
}
inline void LogInfo(absl::string_view message, const LogFields& fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(absl::string_view message, const LogFields& fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(absl::string_view message, const LogFields& fields = {}) {
  Log(LogLevel::kError, message, fields);
}

// Adds fields to every line of this thread while it lives. Scopes nest and end in reverse order.
class LogScope {
 public:
  explicit LogScope(const LogFields& fields);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  size_t outer_;
};

// The fields of this thread's open scopes.
const LogFields& CurrentLogFields();

// One line without the newline, as Log would write it. `time` is RFC 3339.
std::string FormatLogLine(const LogOptions& options, LogLevel level, absl::string_view time,
                          absl::string_view message, const LogFields& scope,
                          const LogFields& fields);

}  // namespace foundry::telemetry
