#include "common/base/error_details.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace foundry {
namespace {

constexpr char kReason[] = "foundry/reason";
constexpr char kFields[] = "foundry/fields";  // field \x1f description \x1e field …
constexpr char kRetry[] = "foundry/retry";
constexpr char kUnit = '\x1f';
constexpr char kRecord = '\x1e';

std::string Payload(const absl::Status& status, const char* url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : "";
}

}  // namespace

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReason, absl::Cord(reason.substr(0, 63)));
  return status;
}

std::string ReasonOf(const absl::Status& status) { return Payload(status, kReason); }

absl::Status WithFieldViolation(absl::Status status, absl::string_view field,
                                absl::string_view description) {
  std::string all = Payload(status, kFields);
  absl::StrAppend(&all, all.empty() ? "" : std::string(1, kRecord), field, std::string(1, kUnit),
                  description);
  status.SetPayload(kFields, absl::Cord(all));
  return status;
}

std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  for (const absl::string_view record :
       absl::StrSplit(Payload(status, kFields), kRecord, absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(record, absl::MaxSplits(kUnit, 1));
    violations.push_back({parts.first, parts.second});
  }
  return violations;
}

absl::Status WithRetryAfter(absl::Status status, absl::Duration delay) {
  status.SetPayload(kRetry, absl::Cord(absl::FormatDuration(delay)));
  return status;
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  absl::Duration delay;
  if (!absl::ParseDuration(Payload(status, kRetry), &delay)) return std::nullopt;
  return delay;
}

}  // namespace foundry
