// Machine-readable details of an absl::Status: a reason, offending fields, when to try again.
//
// They travel as payloads, so any code can set and read them; common/rpc/status puts them on the
// wire as google.rpc.ErrorInfo (domain "foundry"), BadRequest and RetryInfo. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace foundry {

// UPPER_SNAKE, at most 63 characters: STALE_LEASE, JOB_NOT_FOUND. OK stays OK.
absl::Status WithReason(absl::Status status, absl::string_view reason);
// Empty: none was set.
std::string ReasonOf(const absl::Status& status);

struct FieldViolation {
  std::string field;        // distillation.epochs
  std::string description;  // must be between …
};
// Adds one; a status may carry several.
absl::Status WithFieldViolation(absl::Status status, absl::string_view field,
                                absl::string_view description);
std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status);

absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

}  // namespace foundry
