#include "services/coordinator/testing/program_trace.h"

#include <algorithm>
#include <map>
#include <pqxx/pqxx>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace foundry::coordinator {
namespace {

constexpr char kPeriod[] = "{period}";

// "$1 = 'a', $2 = '{b''c}'"; quotes inside are doubled.
absl::StatusOr<std::vector<std::string>> ReadParameters(absl::string_view text) {
  std::vector<std::string> parameters;
  while (!text.empty()) {
    const size_t quote = text.find('\'');
    if (quote == absl::string_view::npos || !absl::StartsWith(text, "$") ||
        !absl::EndsWith(text.substr(0, quote), " = ")) {
      return absl::DataLossError(absl::StrCat("not a parameter that can be traced: ", text));
    }
    std::string& value = parameters.emplace_back();
    size_t at = quote + 1;
    for (;; ++at) {
      if (at >= text.size()) return absl::DataLossError("a parameter without an end");
      if (text[at] == '\'' && (at + 1 >= text.size() || text[at + 1] != '\'')) break;
      value += text[at];
      if (text[at] == '\'') ++at;
    }
    text.remove_prefix(at + 1);
    absl::ConsumePrefix(&text, ", ");
  }
  return parameters;
}

// Entries without their time and process; lines that go on begin with a tab.
std::vector<std::string> Entries(const std::string& log) {
  std::vector<std::string> entries;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    if (absl::ConsumePrefix(&line, "\t")) {
      if (!entries.empty()) absl::StrAppend(&entries.back(), "\n", line);
      continue;
    }
    const size_t end = line.find("] ");
    if (end != absl::string_view::npos) entries.emplace_back(line.substr(end + 2));
  }
  return entries;
}

}  // namespace

absl::StatusOr<ProgramTrace> ReadServerLog(const std::filesystem::path& log, size_t from,
                                           const std::string& period) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string text, ReadFile(log));
  ProgramTrace trace;
  for (const std::string& entry : Entries(text.substr(std::min(from, text.size())))) {
    absl::string_view rest = entry;
    if (absl::ConsumePrefix(&rest, "LOG:  statement: ")) {
      trace.calls.push_back({std::string(rest), false, {}, 0, 0});
    } else if (absl::ConsumePrefix(&rest, "LOG:  execute ")) {
      const size_t colon = rest.find(": ");
      if (colon == absl::string_view::npos) return absl::DataLossError(entry);
      trace.calls.push_back({std::string(rest.substr(colon + 2)), true, {}, 0, 0});
    } else if (absl::ConsumePrefix(&rest, "DETAIL:  parameters: ") && !trace.calls.empty()) {
      FOUNDRY_ASSIGN_OR_RETURN(trace.calls.back().parameters, ReadParameters(rest));
      for (std::string& parameter : trace.calls.back().parameters) {
        if (parameter == period) parameter = kPeriod;
      }
    }
  }
  return trace;
}

absl::Status Replay(const std::string& connection_info, ProgramTrace* trace) {
  std::string sql;
  try {
    pqxx::connection connection(connection_info);
    pqxx::nontransaction session(connection);
    const std::string period =
        session.exec("SELECT foundry_period(clock_timestamp())")[0][0].as<std::string>();
    for (TracedCall& call : trace->calls) {
      sql = call.sql;
      std::vector<std::string> parameters = call.parameters;
      for (std::string& parameter : parameters) {
        if (parameter == kPeriod) parameter = period;
      }
      const pqxx::result result =
          call.prepared ? session.exec_params(call.sql, pqxx::prepare::make_dynamic_params(
                                                            parameters.begin(), parameters.end()))
                        : session.exec(call.sql);
      call.rows = static_cast<int64_t>(result.size());
      call.changed = static_cast<int64_t>(result.affected_rows());
    }
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat(error.what(), " in: ", sql));
  }
}

absl::StatusOr<ProgramTrace> LoadTrace(const std::filesystem::path& file) {
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  ProgramTrace trace;
  FOUNDRY_ASSIGN_OR_RETURN(trace.program, JsonInt(json, "program"));
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<std::string> statements,
                           JsonStrings(json, "statements"));
  for (const Json& call : json.at("calls")) {
    trace.calls.push_back({statements.at(call.at(0).get<size_t>()), call.at(1).get<bool>(),
                           call.at(2).get<std::vector<std::string>>(), call.at(3).get<int64_t>(),
                           call.at(4).get<int64_t>()});
  }
  return trace;
}

// One line a call, each statement's text once.
absl::Status SaveTrace(const ProgramTrace& trace, const std::filesystem::path& file) {
  std::map<std::string, size_t> known;
  std::string statements, calls;
  for (const TracedCall& call : trace.calls) {
    const auto [found, added] = known.try_emplace(call.sql, known.size());
    if (added) absl::StrAppend(&statements, known.size() == 1 ? "" : ",\n", DumpJson(call.sql));
    absl::StrAppend(&calls, calls.empty() ? "" : ",\n",
                    DumpJson(Json::array(
                        {found->second, call.prepared, call.parameters, call.rows, call.changed})));
  }
  return WriteFileAtomic(
      file, absl::StrCat("{\"program\": ", trace.program, ",\n\"statements\": [\n", statements,
                         "\n],\n\"calls\": [\n", calls, "\n]}\n"));
}

}  // namespace foundry::coordinator
