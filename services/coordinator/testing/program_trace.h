// What a coordinator says to PostgreSQL, recorded and said again: shows whether a program of an
// earlier schema version runs on a newer schema without keeping the old program around.
//
// A trace holds the very statements of one scenario with their parameters, and how many rows each
// answered and changed on the schema that the program was made for. Said again on another schema,
// each must succeed and have the same numbers. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace foundry::coordinator {

struct TracedCall {
  std::string sql;
  bool prepared = false;  // false: a plain statement, as BEGIN
  std::vector<std::string> parameters;
  int64_t rows = 0;     // answered
  int64_t changed = 0;  // inserted, updated or deleted
};

struct ProgramTrace {
  int program = 0;  // newest schema version that it knows
  std::vector<TracedCall> calls;
};

// Reads what a server logged with log_statement = all in its usual format, from byte `from` on. The
// week that `period` names is written {period}, so that the trace can be said again in any week.
absl::StatusOr<ProgramTrace> ReadServerLog(const std::filesystem::path& log, size_t from,
                                           const std::string& period);

// Says it all on one connection; sets the numbers of rows. An error names the call.
absl::Status Replay(const std::string& connection_info, ProgramTrace* trace);

absl::StatusOr<ProgramTrace> LoadTrace(const std::filesystem::path& file);
absl::Status SaveTrace(const ProgramTrace& trace, const std::filesystem::path& file);

}  // namespace foundry::coordinator
