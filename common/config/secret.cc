#include "common/config/secret.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace foundry::config {

absl::StatusOr<std::string> ResolveSecret(absl::string_view reference) {
  absl::string_view rest = reference;
  std::string value;
  if (absl::ConsumePrefix(&rest, "env:")) {
    const char* found = std::getenv(std::string(rest).c_str());
    if (found == nullptr) {
      return absl::NotFoundError(absl::StrCat(reference, ": the variable is not set"));
    }
    value = found;
  } else if (absl::ConsumePrefix(&rest, "file:")) {
    FOUNDRY_ASSIGN_OR_RETURN(value, ReadFile(std::string(rest)));
  } else {
    return absl::InvalidArgumentError(
        "a secret must be given as env:NAME or file:PATH (the value is not shown)");
  }
  value = std::string(absl::StripAsciiWhitespace(value));
  if (value.empty()) return absl::FailedPreconditionError(absl::StrCat(reference, ": is empty"));
  return value;
}

}  // namespace foundry::config
