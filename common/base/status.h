// Macros for absl::Status: the only error channel inside Foundry.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace foundry {

// Puts `context` before the message and keeps the code and payloads: "config.json: missing field".
inline absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&annotated](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

}  // namespace foundry

#define FOUNDRY_CONCAT_INNER_(a, b) a##b
#define FOUNDRY_CONCAT_(a, b) FOUNDRY_CONCAT_INNER_(a, b)

// Returns from the enclosing function when `expr` (an absl::Status) is an error.
#define FOUNDRY_RETURN_IF_ERROR(expr)                                                           \
  do {                                                                                          \
    if (::absl::Status foundry_status_ = (expr); !foundry_status_.ok()) return foundry_status_; \
  } while (0)

// FOUNDRY_ASSIGN_OR_RETURN(auto x, F()): x is F()'s value, or the enclosing function returns its
// error.
#define FOUNDRY_ASSIGN_OR_RETURN(lhs, expr) \
  FOUNDRY_ASSIGN_OR_RETURN_(FOUNDRY_CONCAT_(foundry_statusor_, __LINE__), lhs, expr)
#define FOUNDRY_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) return tmp.status();             \
  lhs = std::move(tmp).value()
