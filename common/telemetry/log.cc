#include "common/telemetry/log.h"

#include <memory>
#include <mutex>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/json.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace foundry::telemetry {
namespace {

constexpr absl::string_view kNames[] = {"debug", "info", "warning", "error"};
constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                 spdlog::level::warn, spdlog::level::err};

struct Backend {
  std::mutex mutex;
  LogOptions options;
  std::shared_ptr<spdlog::logger> logger;
};

// Leaked on purpose: threads may log while the process ends.
Backend& TheBackend() {
  static Backend* const backend = [] {
    auto* made = new Backend;
    made->logger = std::make_shared<spdlog::logger>(
        "foundry", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->logger->set_pattern("%v");
    made->logger->flush_on(spdlog::level::debug);
    return made;
  }();
  return *backend;
}

thread_local LogFields scope_fields;

bool IsSecret(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (const absl::string_view word : {"token", "api_key", "password", "secret", "authorization"}) {
    // "tokens" counts words, it is no secret.
    if (absl::StrContains(lower, word) && lower != "tokens") return true;
  }
  return false;
}

// Console lines stay one line each.
std::string OneLine(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return line;
}

}  // namespace

void InitLogging(const LogOptions& options) {
  Backend& backend = TheBackend();
  std::lock_guard lock(backend.mutex);
  backend.options = options;
  backend.logger->set_level(kLevels[static_cast<int>(options.level)]);
}

absl::Status ParseLogOptions(absl::string_view format, absl::string_view level,
                             LogOptions* options) {
  if (format != "json" && format != "console") {
    return absl::InvalidArgumentError(
        absl::StrCat("log format must be json or console, got \"", format, "\""));
  }
  options->format = format == "json" ? LogFormat::kJson : LogFormat::kConsole;
  for (int i = 0; i < 4; ++i) {
    if (kNames[i] == level) {
      options->level = static_cast<LogLevel>(i);
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("log level must be debug, info, warning or error, got \"", level, "\""));
}

void Log(LogLevel level, absl::string_view message, const LogFields& fields) {
  Backend& backend = TheBackend();
  const spdlog::level::level_enum spdlog_level = kLevels[static_cast<int>(level)];
  if (!backend.logger->should_log(spdlog_level)) return;
  LogOptions options;
  {
    std::lock_guard lock(backend.mutex);
    options = backend.options;
  }
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  backend.logger->log(spdlog_level, "{}",
                      FormatLogLine(options, level, time, message, scope_fields, fields));
}

LogScope::LogScope(const LogFields& fields) : outer_(scope_fields.size()) {
  scope_fields.insert(scope_fields.end(), fields.begin(), fields.end());
}

LogScope::~LogScope() { scope_fields.resize(outer_); }

const LogFields& CurrentLogFields() { return scope_fields; }

std::string FormatLogLine(const LogOptions& options, LogLevel level, absl::string_view time,
                          absl::string_view message, const LogFields& scope,
                          const LogFields& fields) {
  const absl::string_view name = kNames[static_cast<int>(level)];
  if (options.format == LogFormat::kJson) {
    nlohmann::ordered_json line;
    line["time"] = std::string(time);
    line["level"] = std::string(name);
    if (!options.process.empty()) line["process"] = options.process;
    line["message"] = std::string(message);
    for (const LogFields* list : {&scope, &fields}) {
      for (const auto& [key, value] : *list) line[key] = IsSecret(key) ? "***" : value;
    }
    return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  // The clock time is enough for a person: 17:02:03.123.
  const absl::string_view clock = time.size() > 20 ? time.substr(11, 12) : time;
  std::string line = absl::StrCat(clock, " ", absl::AsciiStrToUpper(name), " ", OneLine(message));
  for (const LogFields* list : {&scope, &fields}) {
    for (const auto& [key, value] : *list) {
      absl::StrAppend(&line, " ", key, "=", IsSecret(key) ? "***" : OneLine(value));
    }
  }
  return line;
}

}  // namespace foundry::telemetry
