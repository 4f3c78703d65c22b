#include "common/base/secret.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace foundry {

absl::StatusOr<std::string> ReadSecret(absl::string_view reference) {
  if (reference.empty()) return std::string();
  absl::string_view rest = reference;
  if (absl::ConsumePrefix(&rest, "env:")) {
    const char* value = std::getenv(std::string(rest).c_str());
    if (value == nullptr || *value == '\0') {
      return absl::NotFoundError(
          absl::StrCat(reference, ": the environment variable is not set: export it first"));
    }
    return std::string(absl::StripAsciiWhitespace(value));
  }
  if (absl::ConsumePrefix(&rest, "file:")) {
    FOUNDRY_ASSIGN_OR_RETURN(const std::string text, ReadFile(std::string(rest)));
    const absl::string_view value = absl::StripAsciiWhitespace(text);
    if (value.empty()) return absl::NotFoundError(absl::StrCat(reference, ": the file is empty"));
    return std::string(value);
  }
  return absl::InvalidArgumentError(
      "a secret must be given by reference, env:NAME or file:PATH, never as the value itself");
}

std::string Redact(absl::string_view text, absl::string_view secret) {
  if (secret.empty()) return std::string(text);
  return absl::StrReplaceAll(text, {{secret, "***"}});
}

}  // namespace foundry
